// Tells the process that a view's picture is on the screen, so that the next one shows the latest state.
document.addEventListener("load", (event) => {
  const view = event.target.tagName === "IMG" && event.target.closest("[data-view]");
  if (view) requestAnimationFrame(() => window.trame?.trigger("shown", [view.dataset.view]));
}, true);

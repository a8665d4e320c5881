// Keys go to the process, but for those that a field, a slider or a dialog needs itself.
window.addEventListener("keydown", (event) => {
  const at = event.target;
  const own = event.key === "Escape" ? "[aria-expanded=true]" : "input:not([type=checkbox]), textarea";
  if (event.altKey || at.closest?.(`${own}, .v-overlay`) || !window.trame) return;
  let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    key = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
    if (!key) return;
    event.preventDefault();
  } else if (!/^[1-5lmbwpnxeadf]$|^Escape$/.test(key)) {
    return;
  }
  window.trame.trigger("key", [key]);
});

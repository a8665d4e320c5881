// Tells the user when this page has lost its process, or another tab or browser has taken it; comes back by itself.
(() => {
  const Socket = window.WebSocket;
  let told = null;
  let leaving = false;
  window.addEventListener("beforeunload", () => (leaving = true));

  function tell(title, text, button) {
    if (!told) {
      told = document.createElement("div");
      told.className = "lts-veil";
      told.setAttribute("role", "alertdialog");
      document.body.appendChild(told);
    }
    told.replaceChildren();
    const box = told.appendChild(document.createElement("div"));
    box.appendChild(document.createElement("h1")).textContent = title;
    box.appendChild(document.createElement("p")).textContent = text;
    if (button) {
      const pressed = box.appendChild(document.createElement("button"));
      pressed.textContent = button;
      pressed.onclick = async () => {
        await fetch("presence", { method: "POST" });
        location.reload();
      };
      pressed.focus();
    }
  }

  async function lookWhy() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (leaving) return;
      try {
        const answer = await fetch("presence");
        if (answer.status === 403) {
          tell("This page is out of date", "LungTumorSeg was started anew: open the address that it printed.");
        } else if ((await answer.json()).taken) {
          tell("LungTumorSeg is open elsewhere", "One process serves one user: it is open in another browser or tab.",
            "Use it here");
        } else {
          location.reload();
          return;
        }
      } catch {
        tell("Connection lost", "Trying again. Nothing is lost as long as LungTumorSeg runs.");
      }
    }
  }

  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("close", () => leaving || lookWhy());
    }
  };
})();

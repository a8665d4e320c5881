// Files that the user drops on the page or chooses go to the process, one after the other.
window.lungTumorSeg = window.lungTumorSeg || {};
(() => {
  const lts = window.lungTumorSeg;
  let shown = null;

  function show(text) {
    if (!text) {
      shown?.remove();
      shown = null;
      return;
    }
    if (!shown) {
      shown = document.createElement("div");
      shown.className = "lts-sending";
      shown.setAttribute("role", "status");
      document.body.appendChild(shown);
    }
    shown.textContent = text;
  }

  // [{path, file}]
  lts.send = async (entries) => {
    if (!entries.length) return;
    const drop = `drop/${Date.now()}`;
    try {
      let sent = 0;
      for (const { path, file } of entries) {
        show(entries.length > 1 ? `Receiving ${++sent} of ${entries.length} files…` : `Receiving ${file.name}…`);
        const name = path.split("/").map(encodeURIComponent).join("/");
        const answer = await fetch(`${drop}/${name}`, { method: "PUT", body: file });
        if (!answer.ok) throw new Error(await answer.text());
      }
      show("");
      await fetch(drop, { method: "POST" });
    } catch (error) {
      show("The files could not be received: " + error.message);
      setTimeout(() => show(""), 6000);
    }
  };

  lts.choose = (folder) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = !folder;
    input.webkitdirectory = folder;
    input.id = "lts-chosen";
    input.hidden = true;
    document.getElementById("lts-chosen")?.remove();
    document.body.appendChild(input);
    input.onchange = () => {
      lts.send([...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
      input.remove();
    };
    input.click();
  };

  async function within(entry, path) {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      return [{ path: path + entry.name, file }];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return found;
      for (const child of some) found.push(...(await within(child, `${path}${entry.name}/`)));
    }
  }

  let depth = 0;
  const over = (on) => document.documentElement.classList.toggle("lts-dropping", on);
  const files = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  window.addEventListener("dragenter", (event) => files(event) && (event.preventDefault(), over(++depth > 0)));
  window.addEventListener("dragleave", (event) => files(event) && over(--depth > 0));
  window.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  window.addEventListener("drop", async (event) => {
    if (!files(event)) return;
    event.preventDefault();
    over(Boolean((depth = 0)));
    const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (items.length) lts.send((await Promise.all(items.map((item) => within(item, "")))).flat());
    else lts.send([...event.dataTransfer.files].map((file) => ({ path: file.name, file })));
  });

  lts.download = (address) => {
    const link = document.createElement("a");
    link.href = address;
    link.download = "";
    link.click();
  };
})();

// Bringing a picture: choose, drop or paste it, and it opens at once; what is too large is said before it travels.
const zone = document.querySelector("[data-dropzone]");

if (zone) {
  const form = zone.closest("form");
  const input = zone.querySelector("input[type=file]");
  const said = zone.querySelector("[data-said]");

  for (const element of form.querySelectorAll("[data-without-script]")) element.hidden = true;
  for (const element of form.querySelectorAll("[data-with-script]")) element.hidden = false;

  const say = (text, wrong = false) => {
    said.textContent = text;
    said.toggleAttribute("data-wrong", wrong);
  };

  // What a file is stands in its first bytes. Its name and type prove nothing.
  const isPicture = async (file) => {
    const bytes = new Uint8Array(await file.slice(0, 32).arrayBuffer());
    const text = String.fromCharCode(...bytes).replace(/^[ \t\r\n\xef\xbb\xbf]+/, "");
    return /^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|....ftyp)/s.test(text);
  };

  const open = async () => {
    const file = input.files[0];
    if (!file) return;
    let problem = "";
    if (file.size > Number(zone.dataset.largest)) {
      problem = `“${file.name}” is larger than 20 MB. Make it smaller, and choose it again.`;
    } else if (!(await isPicture(file))) {
      problem = `“${file.name}” is not a picture that can be opened here. Choose a PNG, JPEG, WebP, AVIF or GIF.`;
    }
    if (input.files[0] !== file) return; // another was chosen meanwhile
    if (problem) {
      input.value = "";
      say(problem, true);
      return;
    }
    say(`Opening “${file.name}”…`);
    form.requestSubmit();
  };

  const take = (files) => {
    if (!files.length) return;
    const list = new DataTransfer();
    list.items.add(files[0]);
    input.files = list.files;
    open();
  };

  input.addEventListener("change", open);
  document.addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    zone.toggleAttribute("data-over", true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.removeAttribute("data-over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    zone.removeAttribute("data-over");
    take(event.dataTransfer.files);
  });
  addEventListener("pageshow", () => say(""));
}

// Bringing a picture: choose, drop or paste it, and it opens at once; what is too large is said before it travels.
const zone = document.querySelector("[data-dropzone]");

if (zone) {
  const form = zone.closest("form");
  const input = zone.querySelector("input[type=file]");
  const said = zone.querySelector("[data-said]");
  const kinds = input.accept.split(",");

  for (const element of form.querySelectorAll("[data-without-script]")) element.hidden = true;
  for (const element of form.querySelectorAll("[data-with-script]")) element.hidden = false;

  const say = (text, wrong = false) => {
    said.textContent = text;
    said.toggleAttribute("data-wrong", wrong);
  };

  const open = () => {
    const file = input.files[0];
    if (!file) return;
    const problem =
      file.type && !kinds.includes(file.type)
        ? `“${file.name}” is no PNG, JPEG or WebP picture. Choose another.`
        : file.size > Number(zone.dataset.largest)
          ? `“${file.name}” is larger than 20 MB. Make it smaller, and choose it again.`
          : "";
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

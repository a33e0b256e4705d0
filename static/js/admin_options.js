// Adds empty rows to the options of a model; without this, three of them are there.
const MOST = 40;

for (const box of document.querySelectorAll(".option-rows")) {
  const body = box.querySelector("tbody");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Add an option" });
  button.className = "button";
  button.addEventListener("click", () => {
    const place = body.rows.length;
    if (place >= MOST) return;
    const row = body.rows[place - 1].cloneNode(true);
    for (const field of row.querySelectorAll("input, select")) {
      field.name = field.name.replace(/-\d+-/, `-${place}-`);
      field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+$/, String(place + 1)));
      field.value = field.tagName === "SELECT" ? "choice" : "";
    }
    body.append(row);
    row.querySelector("input").focus();
    button.disabled = body.rows.length >= MOST;
  });
  box.querySelector(".scrolls").after(button);
}

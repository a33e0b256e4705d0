/**
 * Forms that a passkey fills in: `data-passkey` says what it does.
 *
 * create: make a passkey. get: use one for the second step. sign-in: use one instead of e-mail and password; its
 * challenge is asked for when the button is pressed.
 *
 * The forms are hidden where the browser has no passkeys: without JavaScript, at an address without https, or at an IP
 * address.
 */

/** @typedef {{ publicKey: any }} Options */

/** Whether the browser makes passkeys here. They belong to a name: none is made for a bare IP address. */
function isSupported() {
  return (
    !/^(\d+\.){3}\d+$|^\[/.test(location.hostname) &&
    "PublicKeyCredential" in window &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential &&
    "parseRequestOptionsFromJSON" in PublicKeyCredential
  );
}

/**
 * The server's options: in the page, or from the form's own address.
 * @param {HTMLFormElement} form
 * @returns {Promise<Options>}
 */
async function optionsOf(form) {
  const inPage = form.querySelector('script[type="application/json"]');
  if (inPage) return JSON.parse(inPage.textContent ?? "");
  const response = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${response.status} from ${form.action}`);
  return (await response.json()).request_options;
}

/**
 * @param {HTMLFormElement} form
 * @returns {Promise<Credential | null>}
 */
async function ask(form) {
  const { publicKey } = await optionsOf(form);
  if (form.dataset.passkey !== "create") {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  }
  // Kept in the authenticator where it can be, so that it finds the account without an e-mail.
  publicKey.authenticatorSelection = { ...publicKey.authenticatorSelection, residentKey: "preferred" };
  delete publicKey.authenticatorSelection.requireResidentKey;
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
}

/** @param {HTMLFormElement} form */
async function fillIn(form) {
  const problem = form.querySelector("[data-passkey-problem]");
  const field = form.elements.namedItem("credential");
  if (!(problem instanceof HTMLElement) || !(field instanceof HTMLInputElement)) return;
  problem.hidden = true;
  try {
    const credential = await ask(form);
    if (!(credential instanceof PublicKeyCredential)) throw new Error("No passkey was chosen.");
    field.value = JSON.stringify(credential.toJSON());
  } catch (error) {
    // Also when the person closes the browser's window: then the other ways are still there.
    console.warn(error);
    problem.hidden = false;
    return;
  }
  form.submit();
}

export function start() {
  const supported = isSupported();
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!supported || !(form instanceof HTMLFormElement)) continue;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      fillIn(form);
    });
  }
  for (const note of document.querySelectorAll("[data-passkey-missing]")) note.toggleAttribute("hidden", supported);
}

// Key pairs beyond those the server makes: made here by WebCrypto, so that the private key never leaves the browser; the
// customer's own public key, looked at before it is sent; and the check that a private key was stored.
const ALGORITHM = { name: "RSA-OAEP", hash: "SHA-256" };
let heldKey = ""; // the private key that was just made here, until it stands on the page

const pemOf = (label, bytes) => {
  const text = btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));
  return `-----BEGIN ${label}-----\n${text.match(/.{1,64}/g).join("\n")}\n-----END ${label}-----\n`;
};

const bytesOf = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));

const makePair = async (bits) => {
  const publicExponent = new Uint8Array([1, 0, 1]); // 65537
  const pair = await crypto.subtle.generateKey({ ...ALGORITHM, modulusLength: bits, publicExponent }, true, ["encrypt", "decrypt"]);
  const [pkcs8, spki] = await Promise.all([crypto.subtle.exportKey("pkcs8", pair.privateKey), crypto.subtle.exportKey("spki", pair.publicKey)]);
  return { privatePem: pemOf("PRIVATE KEY", pkcs8), publicPem: pemOf("PUBLIC KEY", spki) };
};

// A private key, as PEM or as JSON Web Key.
const isPrivate = (text) => /PRIVATE KEY/i.test(text) || /"d"\s*:/.test(text);

const refuse = (form, text) => {
  const note = form.querySelector("[data-key-refusal]");
  note.textContent = text;
  note.hidden = !text;
};

const checkBox = (form) => {
  const box = form.elements.public_key;
  const found = isPrivate(box.value);
  if (found) box.value = "";
  // One paste may be several input events: those after the first find the box empty.
  if (found || box.value) refuse(form, found ? "That was a private key. It was removed and not sent. Paste the public key." : "");
  return !found;
};

document.addEventListener("htmx:confirm", (event) => {
  const form = event.target.closest("form[data-setup]");
  if (!form || !event.target.matches("[data-generate]")) return;
  const origin = form.elements.key_origin.value;
  heldKey = "";
  if (origin === "own" && !checkBox(form)) event.preventDefault();
  if (origin !== "browser") return;
  form.elements.public_key.value = "";
  if (!globalThis.crypto?.subtle) return; // the server says then what is missing
  event.preventDefault();
  announce("Generating a key pair…");
  makePair(Number(form.elements.key_bits.value)).then((pair) => {
    heldKey = pair.privatePem;
    form.elements.public_key.value = pair.publicPem;
    event.detail.issueRequest(true);
  });
});

// The page that comes back has a place for the key that stayed here.
document.addEventListener("htmx:afterSettle", () => {
  const place = document.querySelector("[data-browser-key]");
  if (place && heldKey && !place.textContent) place.textContent = heldKey;
  heldKey = "";
  showProofs();
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-setup]");
  if (form && event.target === form.elements.public_key) checkBox(form);
});

document.addEventListener("change", async (event) => {
  const box = document.getElementById(event.target.dataset?.keyFile ?? "");
  const file = event.target.files?.[0];
  if (!box || !file) return;
  box.value = await file.text();
  event.target.value = "";
  if (checkBox(box.form)) announce(`${file.name} is read`);
});

const privateKeyOf = (pem) => {
  const body = /-----BEGIN PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END PRIVATE KEY-----/.exec(pem);
  if (!body) throw new Error("no PKCS#8 PEM");
  return crypto.subtle.importKey("pkcs8", bytesOf(body[1].replace(/\s/g, "")), ALGORITHM, false, ["decrypt"]);
};

const decrypted = async (pem, challenge) => {
  const key = await privateKeyOf(pem);
  return new TextDecoder().decode(await crypto.subtle.decrypt(ALGORITHM, key, bytesOf(challenge)));
};

const sendProof = async (proof, answer) => {
  const body = new FormData();
  body.set("answer", answer);
  body.set("csrfmiddlewaretoken", proof.closest("form").elements.csrfmiddlewaretoken.value);
  const response = await fetch(proof.dataset.proofUrl, { method: "POST", body });
  return response.ok && (await response.json()).proved;
};

const check = async (proof) => {
  const [file] = proof.querySelector("[data-proof-file]").files;
  const box = proof.querySelector("[data-proof-text]");
  const pem = file ? await file.text() : box.value;
  if (!pem.trim()) return "Choose the file or paste the key first.";
  let answer;
  try {
    answer = await decrypted(pem, proof.dataset.challenge);
  } catch {
    return "This is not the private key of this pair, or it is not a whole PKCS#8 PEM. Look again at what you stored.";
  }
  box.value = "";
  return await sendProof(proof, answer) ? "" : "The server could not confirm it. Try again.";
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-proof-check]");
  if (!button) return;
  const proof = button.closest("[data-proof]");
  const result = proof.querySelector("[data-proof-result]");
  const wrong = await check(proof).catch(() => "The server could not be reached. Try again in a moment.");
  result.textContent = wrong || "Proved: the key you stored decrypts what is encrypted for this destination.";
  result.className = wrong ? "status status--bad" : "status status--on";
  if (wrong) return;
  const stored = proof.closest("form").elements.key_stored;
  stored.checked = true;
  stored.dispatchEvent(new Event("change", { bubbles: true }));
});

const showProofs = () => {
  for (const part of document.querySelectorAll("[data-proof], [data-needs-script]")) part.hidden = false;
};
showProofs();

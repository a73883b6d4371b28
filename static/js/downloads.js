// Downloads of the audit log: the browser saves the file as ever, and the page shows how far it is. Links work without it.
const place = document.querySelector("[data-downloads]");

// randomUUID is only there on https and on this machine.
const newId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-download]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.href);
  const id = newId();
  url.searchParams.set("progress", id);
  link.href = url.href; // what follows is the browser's own download
  const asked = place.dataset.downloads.replace("00000000-0000-0000-0000-000000000000", id);
  htmx.ajax("GET", asked, { target: place, swap: "innerHTML", headers: { "X-Passive": "1" } });
});

document.addEventListener("htmx:afterSettle", () => {
  const said = place.querySelector("[data-said]:not([data-told])");
  if (!said) return;
  said.dataset.told = "";
  announce(said.textContent);
});

// The place to go on is folded away until somebody is sent there.
const unfold = () => {
  if (location.hash === "#go-on") document.getElementById("go-on").open = true;
};
window.addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  if (event.target.closest('a[href="#go-on"]')) document.getElementById("go-on").open = true;
});
unfold();

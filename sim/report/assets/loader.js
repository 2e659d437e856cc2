// Unpacks what the page carries, and starts the scripts that registered themselves in `parts`.
const parts = [];
const sections = {};
async function unpack(id) {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
async function load() {
  const script = document.createElement("script");
  const payload = JSON.parse(await unpack("payload"));
  script.textContent = await unpack("library");
  document.head.append(script);
  parts.forEach((part) => part(payload.figures));
  Object.keys(payload.data).forEach((name) => { if (sections[name]) { sections[name](payload.data[name]); } });
}
document.addEventListener("DOMContentLoaded", () => load().catch((error) => {
  const note = document.getElementById("unsupported");
  note.hidden = false;
  note.textContent = "The figures of this page cannot be drawn by this browser (" + error.message + "); one of 2023 or later can.";
}));

// Results as files, made in the page from what the service has sent.

export function toJson(name, results) {
  const rows = results.map(({ peaks, ...row }) => row);
  return [`${name}.json`, "application/json",
    JSON.stringify({ schema: "resemul.tag/1", results: rows }, null, 1)];
}

// A text that a spreadsheet would run as a formula gets an apostrophe.
function cell(value) {
  let text = String(value ?? "");
  if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(name, results) {
  const tags = [...new Set(results.flatMap((r) => Object.keys(r.tags)))];
  const lines = [["path", "model", "start", "end", ...tags]];
  for (const result of results) {
    for (const { start, end, tags: scores } of result.timeline ?? []) {
      lines.push([result.path, result.model, start, end, ...tags.map((t) => scores[t])]);
    }
  }
  const text = lines.map((line) => line.map(cell).join(",")).join("\n");
  return [`${name}.csv`, "text/csv", `${text}\n`];
}

// Neighbouring segments that reach the threshold are one region.
export function regions(timeline, tag, threshold) {
  const found = [];
  for (const { start, end, tags } of timeline) {
    if ((tags[tag] ?? 0) < threshold) continue;
    const last = found.at(-1);
    if (last && start - last.end < (end - start) / 2) last.end = Math.max(last.end, end);
    else found.push({ start, end });
  }
  return found;
}

export function toAudacity(name, result, threshold) {
  const lines = Object.keys(result.tags).flatMap((tag) =>
    regions(result.timeline, tag, threshold).map((r) => [r.start, r.end, tag]));
  lines.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const text = lines.map(([start, end, tag]) =>
    `${start.toFixed(6)}\t${end.toFixed(6)}\t${tag}\n`).join("");
  return [`${name}.txt`, "text/plain", text];
}

export async function toPng(name, canvases) {
  const picture = document.createElement("canvas");
  picture.width = canvases[0].width;
  picture.height = canvases.reduce((sum, canvas) => sum + canvas.height, 0);
  const context = picture.getContext("2d");
  context.fillStyle = getComputedStyle(document.querySelector(".song")).backgroundColor;
  context.fillRect(0, 0, picture.width, picture.height);
  let top = 0;
  for (const canvas of canvases) {
    context.drawImage(canvas, 0, top);
    top += canvas.height;
  }
  const blob = await new Promise((resolve) => picture.toBlob(resolve, "image/png"));
  return [`${name}.png`, "image/png", blob];
}

export function save([name, type, content]) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

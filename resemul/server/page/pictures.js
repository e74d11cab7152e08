// The waveform and the taggram, drawn on canvases of the same time axis.

export const AXIS = 22;
const ROW = 16;
const LABELS = 120;

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function prepare(canvas, height) {
  const width = canvas.parentElement.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width };
}

// Where time begins and ends in a picture of this width.
export function span(width) {
  return { left: Math.min(LABELS, width * 0.3), right: width - 2 };
}

export function formatTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  if (whole < 3600) return `${minutes}:${rest}`;
  return `${Math.floor(whole / 3600)}:${String(minutes).padStart(2, "0")}:${rest}`;
}

export function drawWave(canvas, peaks) {
  const { context, width } = prepare(canvas, 64);
  const { left, right } = span(width);
  const largest = Math.max(0.05, ...peaks.map(([low, high]) => Math.max(-low, high)));
  context.fillStyle = style("--wave");
  const step = (right - left) / Math.max(1, peaks.length);
  peaks.forEach(([low, high], i) => {
    const top = 32 - (high / largest) * 30;
    const bottom = 32 - (low / largest) * 30;
    context.fillRect(left + i * step, top, Math.max(step, 0.6), Math.max(1, bottom - top));
  });
}

// From the ground to the accent, readable without colour as well: by lightness.
function shade(value) {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const light = isDark ? 14 + 66 * value : 96 - 66 * value;
  return `hsl(${210 - 30 * value} ${35 + 35 * value}% ${light}%)`;
}

export function drawTaggram(canvas, rows, timeline, seconds, threshold) {
  const height = rows.length * ROW + AXIS;
  const { context, width } = prepare(canvas, height);
  const { left, right } = span(width);
  const x = (time) => left + (right - left) * Math.min(1, time / seconds);
  context.textBaseline = "middle";
  rows.forEach((tag, row) => {
    context.textAlign = "right";
    context.fillStyle = style("--ink");
    context.fillText(clipped(context, tag, left - 10), left - 8, row * ROW + ROW / 2);
    timeline.forEach((segment, i) => {
      const begin = x(segment.start);
      const next = timeline[i + 1]?.start ?? segment.end;
      const end = x(Math.max(next, Math.min(segment.end, next)));
      const score = segment.tags[tag] ?? 0;
      context.fillStyle = shade(score);
      context.fillRect(begin, row * ROW, Math.max(1, end - begin), ROW - 2);
      if (score >= threshold) {
        context.fillStyle = style("--wrong");
        context.fillRect(begin, row * ROW + ROW - 4, Math.max(1, end - begin), 2);
      }
    });
  });
  drawAxis(context, x, seconds, rows.length * ROW);
}

function clipped(context, text, width) {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) {
    shown = `${shown.slice(0, -2)}…`;
  }
  return shown;
}

function drawAxis(context, x, seconds, top) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];
  const step = steps.find((s) => x(s) - x(0) >= 48) ?? 3600;
  context.fillStyle = style("--quiet");
  for (let time = 0; time <= seconds; time += step) {
    const isLast = x(time) > x(seconds) - 14;
    context.textAlign = time === 0 ? "left" : isLast ? "right" : "center";
    context.fillRect(x(time), top, 1, 4);
    context.fillText(formatTime(time), x(time), top + 13);
  }
}

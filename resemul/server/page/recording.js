// Sound from the microphone, as a file.

export async function record() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("This browser gives no microphone to this page.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    throw new Error("The microphone was not allowed.");
  }
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  recorder.start(1000);
  return () => new Promise((resolve) => {
    recorder.addEventListener("stop", () => {
      stream.getTracks().forEach((track) => track.stop());
      const time = new Date().toISOString().slice(11, 19).replaceAll(":", "-");
      const suffix = recorder.mimeType.includes("mp4") ? "m4a" : "webm";
      resolve(new File(parts, `recording-${time}.${suffix}`, { type: recorder.mimeType }));
    });
    recorder.stop();
  });
}

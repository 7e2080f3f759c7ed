// Uploads a file with tus-js-client, and is interrupted where it is told.
//
//   node upload.mjs ENDPOINT FILE URLS TOKEN [abort BYTES | kill BYTES PID]
//
// URLS is the file in which the client itself keeps where an upload goes on.
// Each line of output is a JSON object. Exit status: 0 uploaded, 3 aborted, 4 failed.

import fs from "node:fs";
import tus from "tus-js-client";

const [endpoint, file, urls, token, interruption, bytes, pid] = process.argv.slice(2);

const say = (event, fields = {}) => fs.writeSync(1, `${JSON.stringify({ event, ...fields })}\n`);

let isInterrupted = false;

const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  chunkSize: 2 * 1024 * 1024,
  retryDelays: null,
  urlStorage: new tus.FileUrlStorage(urls),
  removeFingerprintOnSuccess: true,
  metadata: { filename: "film.bin", filetype: "application/octet-stream", tag: "films/by-tus" },
  headers: { Authorization: `Bearer ${token}` },
  onAfterResponse(request, response) {
    say("answer", {
      method: request.getMethod(),
      status: response.getStatus(),
      offset: Number(response.getHeader("Upload-Offset") ?? 0),
      hash: response.getHeader("X-Blob-Hash") ?? null,
    });
  },
  onProgress(sent) {
    if (isInterrupted || interruption === undefined || sent < Number(bytes)) {
      return;
    }
    isInterrupted = true;
    if (interruption === "kill") {
      process.kill(Number(pid), "SIGKILL");
      say("killed", { sent });
      return;
    }
    upload.abort().then(() => {
      say("aborted", { sent });
      process.exit(3);
    });
  },
  onChunkComplete(_size, accepted) {
    say("accepted", { accepted });
  },
  onError(error) {
    say("failed", { message: String(error.message) });
    process.exit(4);
  },
  onSuccess() {
    say("done", { url: upload.url });
  },
});

const previous = await upload.findPreviousUploads();
say("found", { previous: previous.length });
if (previous.length > 0) {
  upload.resumeFromPreviousUpload(previous[0]);
}
upload.start();

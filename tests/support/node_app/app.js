// A plain Node application: /work?ms=N answers after a while, /fail answers 500. It says "PORT n" when it listens.
const http = require("node:http");

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/fail") {
    response.writeHead(500).end("failed");
    return;
  }
  setTimeout(() => response.end("done"), Number(url.searchParams.get("ms") ?? 0));
});

server.listen(0, "127.0.0.1", () => console.log(`PORT ${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();

// Receives webhooks with Express: verifies, and handles each event once.
// npm install express standardwebhooks
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const handled = new Set(); // use a table of your database: a set forgets at every restart

const app = express();
// The signature covers the bytes as they came, so nothing may parse them before.
app.post("/hook", express.raw({ type: "*/*", limit: "2mb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body.toString("utf8"), request.headers);
  } catch {
    return response.sendStatus(401);
  }
  if (!handled.has(event.eventId)) {
    console.log(event.event, event.eventId);
    handled.add(event.eventId);
  }
  response.sendStatus(204);
});
app.listen(Number(process.env.PORT ?? 8480), "127.0.0.1");

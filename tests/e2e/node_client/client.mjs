// A client in Node: @grpc/grpc-js and the .proto files, nothing of bopis's Python.
// usage: node client.mjs ADDRESS NODE_ID SKU LATITUDE LONGITUDE PROTO_FOLDER...
// Prints one JSON object with what it saw.
import { randomUUID } from "node:crypto";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [address, nodeId, sku, latitude, longitude, ...includeDirs] = process.argv.slice(2);
const definition = loader.loadSync(
  [
    "bopis/v1/inventory_service.proto",
    "bopis/v1/order_service.proto",
    "bopis/v1/pick_service.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
  ],
  { includeDirs, keepCase: true, enums: String, longs: Number, oneofs: true, defaults: true },
);
const { bopis, google } = grpc.loadPackageDefinition(definition);
const credentials = grpc.credentials.createInsecure();
const inventory = new bopis.v1.InventoryService(address, credentials);
const orders = new bopis.v1.OrderService(address, credentials);
const picks = new bopis.v1.PickService(address, credentials);

const within = (seconds) => ({ deadline: Date.now() + seconds * 1000 });

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, within(10), (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

/** The status code, ErrorInfo and field paths of a failed call. */
async function refused(client, method, request) {
  try {
    await call(client, method, request);
    return { code: "OK" };
  } catch (error) {
    const found = { code: grpc.status[error.code], reason: null, domain: null, fields: [] };
    const [details] = error.metadata.get("grpc-status-details-bin");
    const decode = (type, bytes) => definition[type].deserialize(bytes);
    for (const any of decodeStatus(details).details) {
      const type = any.type_url.split("/").pop();
      const detail = decode(type, any.value);
      if (type === "google.rpc.ErrorInfo") {
        found.reason = detail.reason;
        found.domain = detail.domain;
      } else if (type === "google.rpc.BadRequest") {
        found.fields = detail.field_violations.map((violation) => violation.field);
      }
    }
    return found;
  }
}

function decodeStatus(bytes) {
  return definition["google.rpc.Status"].deserialize(bytes);
}

/** Opens the node's stream and resolves with the first task of the order. */
function firstTaskOf(orderId, onOpen) {
  return new Promise((resolve, reject) => {
    const stream = picks.WatchPickTasks({ node_id: nodeId }, within(20));
    stream.on("error", reject);
    stream.on("data", (message) => {
      if (message.event === "snapshot_complete") onOpen();
      if (message.event === "task" && message.task.order_id === orderId) {
        stream.removeAllListeners("error");
        stream.on("error", () => {});
        stream.cancel();
        resolve({ task: message.task, resume_token: message.resume_token });
      }
    });
  });
}

const before = await call(inventory, "GetAvailability", { node_id: nodeId, sku });
const reserve = {
  request_id: randomUUID(),
  order_id: "node-reserve-1",
  lines: [{ node_id: nodeId, sku, quantity: 2 }],
};
const held = await call(inventory, "Reserve", reserve);
const repeated = await call(inventory, "Reserve", reserve);
const committed = await call(inventory, "CommitReservation", {
  request_id: randomUUID(),
  reservation_id: held.reservation.reservation_id,
});
const after = await call(inventory, "GetAvailability", {
  node_id: nodeId,
  sku,
  at_least_position: committed.position,
});

const orderId = "node-order-1";
let placed;
const watched = await firstTaskOf(orderId, () => {
  placed = call(orders, "CreateOrder", {
    request_id: randomUUID(),
    order_id: orderId,
    method: "FULFILLMENT_METHOD_PICKUP",
    place: { latitude: Number(latitude), longitude: Number(longitude) },
    lines: [{ line_number: 1, sku, quantity: 1 }],
  });
});
const order = (await placed).order;

const line = { node_id: nodeId, sku, quantity: 1 };
const errors = {
  native_field: await refused(inventory, "Reserve", {
    request_id: randomUUID(),
    lines: [{ ...line, quantity: 0 }],
  }),
  native_unknown: await refused(inventory, "GetAvailability", { node_id: nodeId, sku: "no-such" }),
  native_reused: await refused(inventory, "Reserve", { ...reserve, priority: 7 }),
  passed_field: await refused(orders, "CreateOrder", {
    request_id: randomUUID(),
    method: "FULFILLMENT_METHOD_PICKUP",
    place: { latitude: 91, longitude: 0 },
    lines: [{ line_number: 1, sku, quantity: 1 }],
  }),
  passed_unknown: await refused(orders, "GetOrder", { order_id: "no-such" }),
};

console.log(JSON.stringify({ before, held, repeated, committed, after, order, watched, errors }));
for (const client of [inventory, orders, picks]) client.close();

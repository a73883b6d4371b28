// node send.mjs '{"sdk", "folder", "host", "writeKey", "rounds"}': sends each round's calls and waits for its callbacks.
// Prints one line of JSON last: {"delivered": how many calls succeeded, "errors": [what the client said of the others]}.
import { createRequire } from 'node:module'

const { sdk, folder, host, writeKey, rounds } = JSON.parse(process.argv[2])
const library = createRequire(`${folder}/`)(sdk)
const errorHandler = () => {} // without one these two end the process when a delivery fails; callbacks hear of it too

const clients = {
  '@segment/analytics-node': () => new library.Analytics({ writeKey, host }),
  'analytics-node': () => new library(writeKey, { host, errorHandler }),
  '@rudderstack/rudder-sdk-node': () => new library(writeKey, { dataPlaneUrl: host, errorHandler }),
}
const client = clients[sdk]()
const result = { delivered: 0, errors: [] }

function send({ type, timestamp, ...call }) {
  const message = timestamp ? { ...call, timestamp: new Date(timestamp) } : call
  return new Promise((resolve) => client[type](message, resolve))
}

for (const calls of rounds) {
  const outcomes = calls.map(send)
  await client.flush()
  for (const error of await Promise.all(outcomes)) {
    if (error) result.errors.push(String(error.message ?? error.reason ?? error))
    else result.delivered += 1
  }
}
await client.closeAndFlush?.()
console.log(JSON.stringify(result))

// AsyncBridge: the one door from the gateway's callbacks to `async`. A task begins at once on the
// loop's thread and comes back to it after each suspension; a handler that never suspends costs no
// scheduling. Nobody waits for a task: it answers through its reply.

internal import Notifier

/// Starts tasks on loops.
enum AsyncBridge {
    /// Runs `body` on the loop of `call`, which is the caller's; it is cancelled as soon as nobody
    /// wants the answer any more.
    static func run(
        _ call: Call, _ reply: Reply, _ body: @escaping @Sendable (Call, Reply) async -> Void
    ) {
        let task = Task.immediate(executorPreference: call.executor) { await body(call, reply) }
        reply.onCancel { task.cancel() }
    }
}

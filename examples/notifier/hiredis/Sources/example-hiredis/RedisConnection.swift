// RedisConnection: commands and replies of one connection, in Swift's words.

import CHiredis
import Glibc
import Notifier

/// One connection to a Redis server.
final class RedisConnection {
    typealias Handler = ([String]) -> Void

    private let context: UnsafeMutablePointer<redisAsyncContext>

    /// Connects to the Unix socket at `path`; commands may be sent at once.
    init(_ path: String, on loop: EventLoop) throws {
        guard let context = redisAsyncConnectUnix(path) else {
            throw SystemError("connect", ENOMEM)
        }
        guard context.pointee.err == 0 else {
            redisAsyncFree(context)
            throw SystemError("connect", subject: path)
        }
        self.context = context
        RedisHooks.attach(context, to: loop)
    }

    /// Sends a command; `handler` hears the words of its reply, or of every message if it
    /// subscribes.
    func send(_ words: String..., handler: @escaping Handler) {
        let copies = words.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var arguments = copies.map { UnsafePointer($0) }
        // Kept for good, as a subscription may be; a longer program would count its replies.
        let box = Unmanaged.passRetained(Box(handler)).toOpaque()
        redisAsyncCommandArgv(
            context, { _, reply, box in deliver(reply, box) }, box, Int32(arguments.count),
            &arguments, nil)
    }

    /// Hangs up when all replies have come.
    func close() {
        redisAsyncDisconnect(context)
    }
}

private final class Box {
    let handler: RedisConnection.Handler
    init(_ handler: @escaping RedisConnection.Handler) { self.handler = handler }
}

private func deliver(_ reply: UnsafeMutableRawPointer?, _ box: UnsafeMutableRawPointer?) {
    // No reply: the connection is gone.
    guard let reply, let box else { return }
    let found = words(reply.assumingMemoryBound(to: redisReply.self).pointee)
    Unmanaged<Box>.fromOpaque(box).takeUnretainedValue().handler(found)
}

/// The words of a reply; one that is no array has one word.
///
/// hiredis refuses arrays that are nested deeper than nine, so this ends.
private func words(_ reply: redisReply) -> [String] {
    if let elements = reply.element {
        return (0..<reply.elements).flatMap { elements[$0].map { words($0.pointee) } ?? [] }
    }
    if reply.type == REDIS_REPLY_INTEGER { return ["\(reply.integer)"] }
    guard let text = reply.str else { return ["(nil)"] }
    return [String(decoding: UnsafeRawBufferPointer(start: text, count: reply.len), as: UTF8.self)]
}

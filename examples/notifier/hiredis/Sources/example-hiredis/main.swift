// Talks to a Redis server through hiredis, hosted on our loop (RedisHooks.swift).
//
//     example-hiredis SOCKET      the path of the server's Unix socket

import Glibc
import Notifier

guard let path = CommandLine.arguments.dropFirst().first else {
    print("usage: example-hiredis SOCKET")
    exit(2)
}
let loop = try EventLoop()

// A connection that subscribes can send nothing else, so there are two.
let listener = try RedisConnection(path, on: loop)
let talker = try RedisConnection(path, on: loop)

listener.send("SUBSCRIBE", "news") { words in
    print("subscriber hears:", words.joined(separator: " "))
    if words.first == "subscribe" { talk() }
    if words.first == "message" { finish() }
}

/// Commands leave in order, and so do their replies come.
@MainActor func talk() {
    talker.send("PING") { print("PING:", $0[0]) }
    talker.send("SET", "greeting", "hello") { print("SET:", $0[0]) }
    talker.send("GET", "greeting") { print("GET:", $0[0]) }
    talker.send("PUBLISH", "news", "rain") { print("PUBLISH:", $0[0], "subscriber") }
}

@MainActor func finish() {
    listener.close()
    talker.close()
    // hiredis hangs up when the last reply has come; then nothing is watched any more.
    loop.addTimer(every: .milliseconds(10)) {
        if loop.watchCount > 0 { return .keep }
        loop.stop()
        return .stop
    }
}

// A server that does not answer must not keep us here.
loop.addTimer(after: .seconds(10)) {
    print("no answer")
    loop.stop()
}
loop.run()
print("descriptors watched:", loop.watchCount)

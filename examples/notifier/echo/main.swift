// A server that sends every line back:  example-echo 7777  and then  nc 127.0.0.1 7777

import Glibc
import Notifier

/// One connection, kept alive by the loop's registration until it is unwatched.
final class Echo {
    private let socket: Descriptor
    private let loop: EventLoop
    private var watch: WatchToken?
    private var unsent: [UInt8] = []
    private var line: [UInt8] = []

    init(_ number: Int32, on loop: EventLoop) throws {
        socket = Descriptor(owning: number)
        self.loop = loop
        try Descriptor.setNonBlocking(number)
        watch = try loop.watch(number, .read) { [self] ready in
            if ready.contains(.write) { send() }
            // The end of the stream arrives as something to read, too.
            if !ready.isDisjoint(with: [.read, .ended]) { receive() }
            return .keep
        }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(socket.number, &buffer, buffer.count)
        if count < 0, errno == EAGAIN { return }
        // Nothing more will come, or the line is longer than we care to keep.
        guard count > 0, line.count < 65_536 else { return close() }
        line += buffer.prefix(count)
        guard let end = line.lastIndex(of: 10) else { return }
        unsent += line[...end]
        line.removeSubrange(...end)
        send()
    }

    /// Sends what the peer takes now; while something is left, nothing more is read, so a peer that
    /// does not listen cannot make us collect bytes for ever.
    private func send() {
        let count = Glibc.send(socket.number, unsent, unsent.count, Int32(MSG_NOSIGNAL))
        if count < 0, errno != EAGAIN { return close() }
        unsent.removeFirst(max(count, 0))
        if let watch { loop.change(watch, to: unsent.isEmpty ? .read : .write) }
    }

    private func close() {
        if let watch { loop.unwatch(watch) }
        watch = nil
    }
}

// Signals that should reach the loop are blocked first thing in the program.
ProcessSignals.block([.interrupt, .terminate])
let loop = try EventLoop()
let listener = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
var address = sockaddr_in()
var length = socklen_t(MemoryLayout<sockaddr_in>.size)
address.sin_family = sa_family_t(AF_INET)
address.sin_port = (CommandLine.arguments.dropFirst().first.flatMap(UInt16.init) ?? 0).bigEndian
address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
try withUnsafeMutablePointer(to: &address) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard bind(listener.number, address, length) == 0 else { throw SystemError("bind") }
        listen(listener.number, 128)
        getsockname(listener.number, address, &length)
    }
}
let server = try loop.watch(listener.number, .read) { _ in
    let number = accept(listener.number, nil, nil)
    if number >= 0 { _ = try Echo(number, on: loop) }
    return .keep
}
_ = try ProcessSignals([.interrupt, .terminate], on: loop) { _ in loop.stop() }
print("listening on port \(UInt16(bigEndian: address.sin_port))")
fflush(nil)
loop.run()
print("bye")

// Descriptor: the owner of one file descriptor, which it closes when it goes away.

internal import Glibc
internal import CLinux

/// Owns one file descriptor and closes it exactly once.
public struct Descriptor: ~Copyable, Sendable {
    /// The number; valid as long as the owner lives.
    public let number: Int32

    /// Takes over `number`, which must be open.
    public init(owning number: Int32) {
        self.number = number
    }

    deinit { _ = Glibc.close(number) }

    /// Gives the number away; the caller must close it.
    public consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Makes reads and writes on `number` return at once instead of waiting.
    ///
    /// - Throws: `SystemError` if it is no descriptor.
    public static func setNonBlocking(_ number: Int32) throws(SystemError) {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemError("fcntl")
        }
    }
}

/// Both ends of a pipe.
public struct Pipe: ~Copyable {
    /// The end to read from.
    public var read: Descriptor

    /// The end to write to.
    public var write: Descriptor

    /// Opens a pipe with close-on-exec on both ends.
    ///
    /// - Throws: `SystemError`, e.g. EMFILE.
    public init() throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) { pair in
            pair.withMemoryRebound(to: Int32.self, capacity: 2) { clinux_pipe2($0) }
        }
        guard result == 0 else { throw SystemError("pipe2") }
        read = Descriptor(owning: ends.0)
        write = Descriptor(owning: ends.1)
    }
}

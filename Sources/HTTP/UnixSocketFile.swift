// UnixSocketFile: the name of a Unix socket in the file system: who may connect, whose it is when
// two gateways want it, and that it goes away in the end. The socket itself is a Listener's.

internal import CLinux
internal import Glibc
package import Notifier

/// The file of a listening Unix socket.
///
/// Any thread.
package struct UnixSocketFile: Sendable {
    /// Who may connect; nil leaves what the system does by itself.
    package struct Access: Sendable, Equatable {
        /// Permission bits; whoever may write may connect.
        package var mode: UInt32?
        /// The owner's number.
        package var owner: UInt32?
        /// The group's number.
        package var group: UInt32?

        /// Makes an access that leaves everything to the system.
        package init(mode: UInt32? = nil, owner: UInt32? = nil, group: UInt32? = nil) {
            self.mode = mode
            self.owner = owner
            self.group = group
        }
    }

    /// Where it is.
    package let path: String
    private let device: dev_t
    private let inode: ino_t

    /// How often, and how long each time, the lock of the folder is waited for: a second in all, a
    /// hundred times what another gateway needs to start listening.
    private static let lockAttempts = 50
    private static let lockPauseMicroseconds: UInt32 = 20_000

    /// Listens on `path`; the file of a socket on which nobody listens any more is replaced.
    ///
    /// Blocks for a moment: only before a loop runs.
    ///
    /// - Throws: `SystemError` EADDRINUSE if somebody listens there, EEXIST if it is no socket, or
    ///   what the system says.
    package static func listen(_ path: String, _ access: Access) throws(SystemError) -> Descriptor {
        guard let address = try SocketAddress.resolve(.unix(path: path)).first else {
            throw SystemError("bind", ENOENT, subject: path)
        }
        // Two gateways that start together must not both find the old socket stale.
        let lock = lockFolder(of: path)
        defer { if lock >= 0 { close(lock) } }
        try Listener.clearStale(address, path: path)
        // Nobody can connect before `listen`, so the file is right before it is of use.
        return try Listener.open(address) { () throws(SystemError) in
            try apply(access, to: path)
        }
    }

    private static func apply(_ access: Access, to path: String) throws(SystemError) {
        if access.owner != nil || access.group != nil {
            // All bits set means: leave it.
            let status = lchown(path, access.owner ?? .max, access.group ?? .max)
            guard status == 0 else { throw removing(path, SystemError("chown", subject: path)) }
        }
        if let mode = access.mode, chmod(path, mode) != 0 {
            throw removing(path, SystemError("chmod", subject: path))
        }
    }

    private static func removing(_ path: String, _ error: SystemError) -> SystemError {
        _ = unlink(path)
        return error
    }

    /// Locks the folder of `path` until the descriptor is closed; -1 if that cannot be.
    private static func lockFolder(of path: String) -> Int32 {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return -1 }
        for _ in 0..<lockAttempts {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(lockPauseMicroseconds)
        }
        return descriptor
    }

    /// Notes which file is at `path` now; nil if there is none.
    package init?(_ path: String) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        self.path = path
        device = facts.st_dev
        inode = facts.st_ino
    }

    /// Removes the file, unless another has taken its place.
    package func remove() {
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_dev == device, facts.st_ino == inode else {
            return
        }
        _ = unlink(path)
    }
}

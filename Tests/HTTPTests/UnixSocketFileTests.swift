// The files of Unix sockets: who may connect, which one is replaced, and which one is removed.

import Foundation
import Notifier
import Testing

@testable import HTTP

/// A folder that goes away with its owner.
private final class Folder {
    let path = NSTemporaryDirectory() + "signalbox-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var socket: String { path + "/s" }
}

@Suite struct UnixSocketFileTests {
    private func facts(_ path: String) throws -> stat {
        var facts = stat()
        try #require(lstat(path, &facts) == 0)
        return facts
    }

    @Test(arguments: [UInt32(0o600), 0o660, 0o777])
    func `the file has the mode that was asked for`(mode: UInt32) throws {
        let folder = try Folder()
        let listening = try UnixSocketFile.listen(folder.socket, .init(mode: mode))
        #expect(try facts(folder.socket).st_mode & 0o777 == mode)
        _ = listening.number
    }

    @Test func `owner and group are changed, as far as we may`() throws {
        let folder = try Folder()
        // Root may give it away; others may only keep it.
        let owner: UInt32 = getuid() == 0 ? 12_345 : getuid()
        let listening = try UnixSocketFile.listen(
            folder.socket, .init(mode: 0o600, owner: owner, group: getgid()))
        #expect(try facts(folder.socket).st_uid == owner)
        #expect(try facts(folder.socket).st_gid == getgid())
        _ = listening.number
    }

    @Test func `a live socket is refused and stays`() throws {
        let folder = try Folder()
        let first = try UnixSocketFile.listen(folder.socket, .init())
        let before = try facts(folder.socket).st_ino
        #expect(throws: SystemError("bind", EADDRINUSE, subject: folder.socket)) {
            _ = try UnixSocketFile.listen(folder.socket, .init()).number
        }
        #expect(try facts(folder.socket).st_ino == before)
        _ = first.number
    }

    @Test func `a stale socket is replaced`() throws {
        let folder = try Folder()
        do { _ = try UnixSocketFile.listen(folder.socket, .init()).number }
        #expect(try facts(folder.socket).st_mode & S_IFMT == S_IFSOCK)
        _ = try UnixSocketFile.listen(folder.socket, .init(mode: 0o640)).number
        #expect(try facts(folder.socket).st_mode & 0o777 == 0o640)
    }

    @Test func `a file that is no socket is left alone`() throws {
        let folder = try Folder()
        try "mine".write(toFile: folder.socket, atomically: false, encoding: .utf8)
        #expect(throws: SystemError.self) {
            _ = try UnixSocketFile.listen(folder.socket, .init()).number
        }
        #expect(try String(contentsOfFile: folder.socket, encoding: .utf8) == "mine")
    }

    @Test func `our file is removed, and another's in its place is not`() throws {
        let folder = try Folder()
        let listening = try UnixSocketFile.listen(folder.socket, .init())
        let file = try #require(UnixSocketFile(folder.socket))
        #expect(rename(folder.socket, folder.path + "/old") == 0)
        let next = try UnixSocketFile.listen(folder.socket, .init())
        file.remove()
        #expect(FileManager.default.fileExists(atPath: folder.socket))
        #expect(rename(folder.path + "/old", folder.socket) == 0)
        file.remove()
        #expect(!FileManager.default.fileExists(atPath: folder.socket))
        _ = (listening.number, next.number)
    }

    @Test func `of gateways that start together one listens`() throws {
        let folder = try Folder()
        do { _ = try UnixSocketFile.listen(folder.socket, .init()).number }
        // Each thread finds the same stale file.
        let winners = Winners()
        let path = folder.socket
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do throws(SystemError) {
                winners.add(try UnixSocketFile.listen(path, .init()).release())
            } catch {
                winners.addLoser(error.code)
            }
        }
        #expect(winners.numbers.count == 1)
        #expect(winners.codes == [Int32](repeating: EADDRINUSE, count: 7))
        for number in winners.numbers { close(number) }
    }

    @Test func `a folder that is not there is named`() {
        #expect(throws: SystemError.self) {
            _ = try UnixSocketFile.listen("/nowhere/at/all.sock", .init()).number
        }
    }
}

/// What came of several attempts.
private final class Winners: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var numbers: [Int32] = []
    private(set) var codes: [Int32] = []

    func add(_ number: Int32) { lock.withLock { numbers.append(number) } }
    func addLoser(_ code: Int32) { lock.withLock { codes.append(code) } }
}

// Marks of files: they tell every way in which a certificate is replaced.

import Foundation
import Testing

@testable import Gateway

@Suite struct FileMarkTests {
    /// Calls `body` with a folder that holds `a` and `b` of the same size.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "signalbox-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["a", "b"] {
            try name.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
        }
        try body(folder)
    }

    @Test func `an untouched file keeps its mark`() throws {
        try withFolder { folder in
            #expect(FileMark("\(folder)/a") == FileMark("\(folder)/a"))
            #expect(FileMark("\(folder)/a") != FileMark("\(folder)/b"))
        }
    }

    @Test func `a file in its place has another`() throws {
        try withFolder { folder in
            let before = FileMark("\(folder)/a")
            try #require(rename("\(folder)/b", "\(folder)/a") == 0)
            #expect(FileMark("\(folder)/a") != before)
        }
    }

    @Test func `a longer text has another`() throws {
        try withFolder { folder in
            let before = FileMark("\(folder)/a")
            try "longer".write(toFile: "\(folder)/a", atomically: false, encoding: .utf8)
            #expect(FileMark("\(folder)/a") != before)
        }
    }

    @Test func `a link that leads elsewhere has another`() throws {
        try withFolder { folder in
            let link = "\(folder)/link"
            try #require(symlink("a", link) == 0)
            let before = FileMark(link)
            #expect(before == FileMark("\(folder)/a"))
            try #require(unlink(link) == 0 && symlink("b", link) == 0)
            #expect(FileMark(link) != before)
        }
    }

    @Test func `files that are not there are alike`() throws {
        try withFolder { folder in
            #expect(FileMark("\(folder)/c") == FileMark("\(folder)/a/d"))
            #expect(
                FileMark.look(at: ["\(folder)/c", "\(folder)/a"])
                    == [FileMark("\(folder)/c"), FileMark("\(folder)/a")])
        }
    }
}

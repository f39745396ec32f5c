// The tail of a real file, look by look: what was added, cut, rotated, removed and forbidden.

import Foundation
import Glibc
import Testing

@testable import Gateway

@Suite struct FileTailTests {
    /// A folder with a file, and what reading its tail has brought.
    private final class Scene {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("signalbox-tail-\(UUID().uuidString)").path
        let path: String
        private var tail: FileTail
        private(set) var text = ""
        private(set) var trouble: FileTrouble?

        init(lineSize: Int = 100) throws {
            path = folder + "/log"
            tail = FileTail(lineSize: lineSize)
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        }

        deinit {
            tail.close()
            chmod(folder, 0o755)
            try? FileManager.default.removeItem(atPath: folder)
        }

        func append(_ added: String, to name: String = "log") throws {
            let file = try #require(fopen(folder + "/" + name, "a"))
            fputs(added, file)
            fclose(file)
        }

        /// Truncates the file and writes it anew, as `copytruncate` and its writer do.
        func replaceContent(_ fresh: String) throws {
            try #require(truncate(path, 0) == 0)
            try append(fresh)
        }

        /// Looks until there is nothing more; "|" stands for a cut, "#" for another file.
        @discardableResult
        func look() -> String {
            text = ""
            var reading: FileTail.Reading
            var looks = 0
            repeat {
                reading = tail.read(path)
                tail = reading.tail
                text += String(decoding: reading.bytes, as: UTF8.self)
                switch reading.change {
                case .none: break
                case .cut: text += "|"
                case .ended: text += "#"
                }
                looks += 1
            } while (reading.hasMore || !reading.bytes.isEmpty || reading.change != .none)
                && looks < 100
            trouble = reading.trouble
            return text
        }
    }

    @Test func `a file is read from its end, and that is the beginning of an unfinished line`()
        throws
    {
        let scene = try Scene()
        try scene.append("old\nhalf a")
        #expect(scene.look() == "half a")
        try scene.append(" line\nmore\n")
        #expect(scene.look() == " line\nmore\n")
        #expect(scene.look() == "" && scene.trouble == nil)
    }

    @Test func `of an unfinished line that is too long there comes enough to tell`() throws {
        let scene = try Scene(lineSize: 10)
        try scene.append(String(repeating: "x", count: 50))
        #expect(scene.look().count == 11)
        try scene.append("\nnext\n")
        #expect(scene.look() == "\nnext\n")
    }

    @Test(arguments: [
        "short\n", "exactly as long as it was\n", "much longer than it has been\nyes\n",
    ])
    func `a file that was cut and refilled between two looks is read from its beginning`(
        _ fresh: String
    ) throws {
        let scene = try Scene()
        try scene.append("")
        scene.look()
        try scene.append("2026-11-23 line number 1\n")
        #expect(scene.look() == "2026-11-23 line number 1\n")
        try scene.append("half of a")
        scene.look()
        try scene.replaceContent(fresh)
        #expect(scene.look() == "|" + fresh)
        try scene.append("on\n")
        #expect(scene.look() == "on\n")
    }

    @Test func `a cut is noticed at whatever place the new content ends`() throws {
        let scene = try Scene()
        try scene.append("begin\n")
        scene.look()
        for round in 1...60 {
            let line = "round \(round) " + String(repeating: "x", count: (round * 37) % 90) + "\n"
            try scene.replaceContent(line)
            #expect(scene.look() == "|" + line)
        }
    }

    @Test func `the file as it was at the start may be cut and refilled, too`() throws {
        let scene = try Scene()
        try scene.append("a line from long ago\n")
        #expect(scene.look() == "")
        try scene.replaceContent("a line from just now\nand more\n")
        #expect(scene.look() == "|a line from just now\nand more\n")
    }

    @Test func `a writer that goes on behind a cut leaves a hole, which is no line`() throws {
        let scene = try Scene()
        let file = try #require(fopen(scene.path, "w"))
        defer { fclose(file) }
        scene.look()
        fputs(String(repeating: "a line\n", count: 2_000), file)
        fflush(file)
        scene.look()
        try #require(truncate(scene.path, 0) == 0)
        fputs("behind the hole\n", file)
        fflush(file)
        #expect(scene.look() == "|behind the hole\n")
        fputs("next\n", file)
        fflush(file)
        #expect(scene.look() == "next\n")
    }

    @Test func `what is written to a rotated file comes before what the new one has`() throws {
        let scene = try Scene()
        try scene.append("old\n")
        scene.look()
        try #require(rename(scene.path, scene.path + ".1") == 0)
        try scene.append("while there is none\n", to: "log.1")
        #expect(scene.look() == "while there is none\n")
        #expect(scene.trouble == .missing)
        // logrotate makes a new file, and the writer hears of it later.
        try scene.append("")
        try scene.append("not told yet\n", to: "log.1")
        #expect(scene.look() == "not told yet\n" && scene.trouble == nil)
        try scene.append("last", to: "log.1")
        try scene.append("new\n")
        #expect(scene.look() == "last#new\n")
    }

    @Test func `a removed file is waited for, and the next one read from its beginning`() throws {
        let scene = try Scene()
        try scene.append("")
        scene.look()
        try scene.append("last words\n")
        unlink(scene.path)
        #expect(scene.look() == "last words\n#" && scene.trouble == .missing)
        #expect(scene.look() == "" && scene.trouble == .missing)
        try scene.append("here again\n")
        #expect(scene.look() == "here again\n" && scene.trouble == nil)
    }

    @Test func `what is no file that can be followed is told`() throws {
        let scene = try Scene()
        #expect(scene.look() == "" && scene.trouble == .missing)
        mkdir(scene.path, 0o700)
        scene.look()
        #expect(scene.trouble == .folder)
        rmdir(scene.path)
        mkfifo(scene.path, 0o600)
        scene.look()
        #expect(scene.trouble == .special("a pipe"))
        unlink(scene.path)
        symlink("log", scene.path)
        scene.look()
        #expect(scene.trouble == .system(call: "stat", code: ELOOP))
        unlink(scene.path)
        symlink("/dev/null", scene.path)
        scene.look()
        #expect(scene.trouble == .special("a device"))
        unlink(scene.path)
        try FileManager.default.removeItem(atPath: scene.folder)
        scene.look()
        #expect(scene.trouble == .noFolder(scene.folder))
        mkdir(scene.folder, 0o700)
        try scene.append("at last\n")
        #expect(scene.look() == "at last\n" && scene.trouble == nil)
    }

    /// Calls `body` as somebody who is not root, as far as files of this thread go.
    private func asNobody(_ body: () throws -> Void) throws {
        guard geteuid() == 0 else { return try body() }
        typealias Call = @convention(c) (uid_t) -> Int32
        let setfsuid = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: Call.self)
        _ = setfsuid(65534)
        defer { _ = setfsuid(0) }
        try body()
    }

    @Test func `a file that may not be read is read from where it was once it may`() throws {
        let scene = try Scene()
        try scene.append("of no concern\n")
        chmod(scene.path, 0)
        try asNobody { scene.look() }
        #expect(scene.trouble == .denied)
        chmod(scene.path, 0o600)
        try scene.append("while it was forbidden\n")
        chmod(scene.path, 0)
        try asNobody { scene.look() }
        #expect(scene.text == "" && scene.trouble == .denied)
        chmod(scene.path, 0o644)
        try asNobody { scene.look() }
        #expect(scene.text == "while it was forbidden\n" && scene.trouble == nil)
        // Who has opened it may read on.
        chmod(scene.path, 0o600)
        try scene.append("more\n")
        try asNobody { scene.look() }
        #expect(scene.text == "more\n" && scene.trouble == nil)
    }

    @Test(arguments: [
        (FileTrouble.missing, "there is no file /a/b;"),
        (.noFolder("/a"), "there is no folder /a; make it"),
        (.folder, "/a/b is a folder; name a file in it"),
        (.special("a pipe"), "/a/b is a pipe, and only regular files"),
        (.denied, "/a/b may not be read; give the user"),
        (.system(call: "read", code: EIO), "/a/b cannot be read: read: Input/output error"),
    ])
    func `every trouble has its sentence`(trouble: FileTrouble, sentence: String) {
        #expect(trouble.sentence("/a/b").hasPrefix(sentence))
        #expect(trouble.isGrave == (trouble != .missing))
    }

    @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("a", "/")])
    func `the folder of a path`(path: String, folder: String) {
        #expect(FileTrouble.parent(of: path) == folder)
    }

    /// Random lines, looks, cuts and rotations: every line comes, whole, in order and once, unless it
    /// was cut off unread.
    @Test(arguments: 0..<8)
    func `whatever is done to a file, its lines come whole and in order`(seed: Int) throws {
        var dice = Dice(state: UInt64(seed))
        let scene = try Scene()
        try scene.append("")
        scene.look()
        var number = 0
        var seen = ""
        var unread: [Int] = []
        var lost: Set<Int> = []
        func look() {
            seen += scene.look()
            unread = []
        }
        for _ in 0..<150 {
            switch Int.random(in: 0..<10, using: &dice) {
            case 0..<5:
                number += 1
                unread.append(number)
                let filling = String(repeating: "-", count: Int.random(in: 0...80, using: &dice))
                try scene.append("<\(number)\(filling)>\n")
            case 5..<8: look()
            case 8:
                lost.formUnion(unread)
                unread = []
                number += 1
                unread.append(number)
                try scene.replaceContent("<\(number)>\n")
            default:
                unlink(scene.path + ".1")
                rename(scene.path, scene.path + ".1")
                number += 1
                unread.append(number)
                try scene.append("<\(number)>\n")
                // A second rotation before a look would hide the file between.
                look()
            }
        }
        look()
        let lines = seen.split(whereSeparator: { "\n|#".contains($0) })
        #expect(lines.allSatisfy { $0.first == "<" && $0.last == ">" }, "\(seen)")
        let numbers = lines.compactMap { Int($0.dropFirst().prefix { $0.isNumber }) }
        #expect(numbers == (1...number).filter { !lost.contains($0) })
    }
}

// The file on disk: what can be wrong with it, and where relative paths lead.

import Foundation
import Testing

@testable import Gateway

struct SettingsFileTests {
    /// A folder that exists while `body` runs.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "settings-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func complaint(_ file: String) -> String {
        do {
            _ = try Settings.load(file: file, environment: [:])
            return ""
        } catch {
            return error.description
        }
    }

    @Test func `a file is read and its folder is where paths start`() throws {
        try withFolder { folder in
            let file = folder + "/box.json5"
            try "{ log: { file: 'a.log' } }".write(toFile: file, atomically: true, encoding: .utf8)
            let settings = try Settings.load(
                file: file, environment: ["SIGNALBOX_LOOPS": "1"],
                overrides: [.init(key: "log.access", value: "yes")])
            #expect(settings.log.file == folder + "/a.log")
            #expect(settings.loops == 1 && settings.log.access)
        }
    }

    @Test func `files that cannot be read are named`() throws {
        try withFolder { folder in
            let file = folder + "/box.json5"
            #expect(
                complaint(file) == "\(file): there is no such file; name one with --config FILE")
            #expect(complaint(folder) == "\(folder): this is a folder; name the file in it")
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            #expect(
                complaint(file)
                    == "\(file):1: the file holds no configuration; the smallest one is {}")
            let large = "{}" + String(repeating: " ", count: SettingsFile.sizeLimit)
            try large.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(
                complaint(file)
                    == "\(file): the file is larger than 1 MiB; is it a configuration?")
        }
    }

    @Test func `a file that may not be read is named`() throws {
        try withFolder { folder in
            let file = folder + "/box.json5"
            try "{}".write(toFile: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: file)
            // Root reads whatever it wants.
            let expected = geteuid() == 0 ? "" : "\(file): the file may not be read by this user"
            #expect(complaint(file) == expected)
        }
    }

    @Test(arguments: [
        ("/etc/box/f", "/etc/box"), ("/f", "/"), ("/etc//./box/f", "/etc/box"),
    ])
    func `the folder of a file is absolute`(file: String, folder: String) {
        #expect(SettingsFile.folder(of: file) == folder)
    }

    @Test func `a bare name lies in the working directory`() {
        let here = FileManager.default.currentDirectoryPath
        #expect(SettingsFile.folder(of: "f") == here)
        #expect(SettingsFile.folder(of: "a/f") == here + "/a")
    }

    @Test func `dots stay where links may lead elsewhere`() {
        #expect(SettingsFile.absolute("../a/./b", in: "/x/y") == "/x/y/../a/b")
        #expect(SettingsFile.absolute("/a//b/", in: "/x") == "/a/b")
    }
}

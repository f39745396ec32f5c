// A folder of its own for one test, and the places of the checkout that tests read.

import Foundation

/// A folder that goes away with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    /// Makes a new folder below the system's temporary one.
    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("signalbox-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of `name` in this folder.
    func file(_ name: String) -> String {
        path + "/" + name
    }

    /// Writes a file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
        return file(name)
    }
}

/// The checkout under test.
enum Checkout {
    /// The folder with Package.swift: three levels above this file.
    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url.path
    }()

    /// The executable to test: `SIGNALBOX_BIN`, else the one built beside the test bundle.
    static let signalbox: String = {
        if let named = ProcessInfo.processInfo.environment["SIGNALBOX_BIN"] { return named }
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appendingPathComponent("signalbox").path
    }()

    /// An executable built beside the test bundle.
    static func built(_ name: String) -> String {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// The authority that signed the development certificate.
    static let authority = root + "/certs/dev-ca.crt"

    /// The text of a file of the checkout.
    static func read(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }
}

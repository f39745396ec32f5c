// The script that makes development certificates: what it makes, and when it leaves things alone.

import Foundation
import Testing

@testable import TLS

@Suite struct CertificateScriptTests {
    private let folder = Fixtures.path("script-\(UUID().uuidString)")

    /// Runs the script in this test's folder.
    private func run(_ names: String...) -> (status: Int32, output: String) {
        let quoted = names.map { "'\($0)'" }.joined(separator: " ")
        return Fixtures.shell(
            "sh \"$1\" -d \"$2\" \(quoted)", Fixtures.certificateScript, folder)
    }

    private var certificate: String { (try? read("localhost.crt")) ?? "" }

    private func read(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }

    private func identity() throws -> TLSIdentity {
        try TLSIdentity(
            TLSIdentityFiles(
                chain: folder + "/localhost.crt", key: folder + "/localhost.key"))
    }

    @Test func `it makes a certificate that can be used at once`() throws {
        let outcome = run()
        #expect(outcome.status == 0)
        #expect(outcome.output.split(separator: "\n").count == 2)
        let identity = try identity()
        #expect(identity.warnings.isEmpty)
        #expect(identity.facts.names == ["localhost", "127.0.0.1", "::1"])
        #expect(identity.facts.keyKind == "EC")
        // Browsers refuse more than 398 days.
        #expect(identity.facts.notAfter - identity.facts.notBefore == 397 * 86_400)
        let attributes = try FileManager.default.attributesOfItem(
            atPath: folder + "/localhost.key")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func `the authority's key is gone`() throws {
        _ = run()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(files.sorted() == ["dev-ca.crt", "localhost.crt", "localhost.key"])
        #expect(try !read("localhost.crt").contains("PRIVATE KEY"))
        #expect(try read("localhost.crt").hasSuffix(read("dev-ca.crt")))
    }

    @Test func `it leaves good files alone and adds names when asked`() throws {
        _ = run()
        let first = certificate
        let again = run()
        #expect(again.status == 0)
        #expect(again.output.contains("is good until"))
        #expect(certificate == first)
        let names = ["gateway.test", "*.gateway.test", "10.1.2.3", "fd00::1"]
        #expect(run(names[0], names[1], names[2], names[3]).status == 0)
        let second = certificate
        #expect(second != first)
        #expect(
            try identity().facts.names == ["localhost", "127.0.0.1", "::1"] + names)
        #expect(run(names[3], names[1]).status == 0)
        #expect(certificate == second)
    }

    @Test(arguments: ["localhost.crt", "localhost.key", "dev-ca.crt"])
    func `it makes everything again when a file is missing`(_ name: String) throws {
        _ = run()
        try FileManager.default.removeItem(atPath: folder + "/" + name)
        let outcome = run()
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("\(name) is missing"))
        _ = try identity()
    }

    @Test func `it does not overwrite a certificate from elsewhere`() throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try manager.copyItem(atPath: Fixtures.path("ec.crt"), toPath: folder + "/localhost.crt")
        let before = certificate
        let outcome = run()
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("was not made here"))
        #expect(certificate == before)
    }
}

// Fixtures: real certificates, made once per test run by the openssl program in a temporary
// folder, and the two ends of a connection in one process.

import Bytes
import COpenSSL
import Foundation
import Testing

@testable import TLS

enum Fixtures {
    /// The folder with everything that `recipe` makes.
    static let directory: String = {
        let path = NSTemporaryDirectory() + "signalbox-tls-\(UUID().uuidString)"
        let outcome = shell(recipe, path, certificateScript)
        precondition(outcome.status == 0, "fixtures: \(outcome.output)")
        removeAtExit(path)
        return path
    }()

    /// The script that makes development certificates.
    static let certificateScript = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../certs/make-dev-certificates.sh").standardizedFileURL.path

    /// `$1` is the folder, `$2` the development certificate script.
    private static let recipe = """
        set -eu
        sh "$2" -d "$1"
        cd "$1"
        exec 2>log
        key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; chmod 600 "$1.key"; }
        authority() {
            key "$1"
            openssl req -new -x509 -key "$1.key" -subj "/CN=$1" -days 9 -out "$1.crt"
        }
        # sign FILE SUBJECT NAMES DAYS AUTHORITY, for the key in FILE.key
        sign() {
            openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
            printf 'subjectAltName=%s\\n' "$3" >"$1.ext"
            test -n "$3" || : >"$1.ext"
            openssl x509 -req -in "$1.csr" -CA "$5.crt" -CAkey "$5.key" -CAcreateserial \\
                -days "$4" -extfile "$1.ext" -out "$1.crt"
        }
        authority ca
        authority stranger
        for name in ec other expired alice mallory nameless stapled; do key $name; done
        openssl genrsa -out rsa.key 2048
        openssl genrsa -out small.key 1024
        chmod 600 rsa.key small.key
        sign ec /CN=ec "DNS:side.example" 9 ca
        sign rsa /CN=rsa "DNS:side.example" 9 ca
        sign other /CN=other "DNS:other.example,DNS:*.wild.example,IP:127.0.0.1" 9 ca
        sign expired /CN=expired "DNS:expired.example" -1 ca
        sign small /CN=small "DNS:small.example" 9 ca
        openssl req -new -utf8 -key alice.key -subj '/O=Example, Inc./CN=Älice' -out alice.csr
        openssl x509 -req -in alice.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 9 \\
            -out alice.crt
        sign mallory /CN=mallory "" 9 stranger
        sign nameless /CN=nameless "" 9 ca
        sign stapled /CN=stapled "DNS:stapled.example" 9 ca
        serial=$(openssl x509 -in stapled.crt -noout -serial | cut -d= -f2)
        printf 'V\\t491231235959Z\\t\\t%s\\tunknown\\t/CN=stapled\\n' "$serial" >index.txt
        openssl ocsp -index index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt \\
            -cert stapled.crt -ndays 1 -respout stapled.ocsp >/dev/null
        printf 'R\\t491231235959Z\\t250101000000Z\\t%s\\tunknown\\t/CN=stapled\\n' "$serial" >index.txt
        openssl ocsp -index index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt \\
            -cert stapled.crt -ndays 1 -respout revoked.ocsp >/dev/null
        openssl pkcs8 -topk8 -in ec.key -passout pass:secret -out encrypted.key
        openssl ec -in ec.key -aes128 -passout pass:secret -out encrypted-sec1.key
        cp ec.key open.key
        chmod 644 open.key
        : >empty.pem
        echo garbage >garbage.pem
        sed 's/^MII/MIX/' ec.crt >damaged.crt
        sed 's/^MHc/MHx/' ec.key >damaged.key
        cat ca.crt stranger.crt >both.crt
        """

    /// The path of `name` among the fixtures.
    static func path(_ name: String) -> String { directory + "/" + name }

    static func files(_ name: String, ocspResponse: String? = nil) -> TLSIdentityFiles {
        TLSIdentityFiles(
            chain: path(name + ".crt"), key: path(name + ".key"),
            ocspResponse: ocspResponse.map(path))
    }

    /// A server with these certificates.
    static func server(
        _ names: String..., keys: TLSTicketKeys? = nil,
        _ change: (inout TLSSettings) -> Void = { _ in }
    ) throws -> TLSContext {
        var settings = TLSSettings(identities: names.map { files($0) }, ticketKeys: keys)
        change(&settings)
        return try TLSContext(server: settings)
    }

    /// A client that trusts this authority.
    static func client(
        trust: String = "ca.crt", _ change: (inout TLSClientSettings) -> Void = { _ in }
    ) throws -> TLSContext {
        var settings = TLSClientSettings(trust: .file(path(trust)))
        change(&settings)
        return try TLSContext(client: settings)
    }

    /// Runs `script` in sh and returns its exit status and what it printed.
    static func shell(_ script: String, _ arguments: String...) -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, "sh"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch { return (-1, "\(error)") }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Removes the folder when the test process ends; `atexit` takes no context, hence the static.
    private static func removeAtExit(_ path: String) {
        doomed = path
        atexit {
            if let path = Fixtures.doomed { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    private nonisolated(unsafe) static var doomed: String?
}

/// Both ends of a connection, and the bytes between them.
final class Pair {
    let server: TLSSession
    let client: TLSSession
    /// Ciphertext on its way to the server and to the client.
    var up = ByteBuffer()
    var down = ByteBuffer()
    /// What has been decrypted.
    var serverText = ByteBuffer()
    var clientText = ByteBuffer()

    init(
        _ server: TLSContext, _ client: TLSContext, host: String = "localhost",
        resuming resumption: TLSResumption? = nil
    ) throws {
        self.server = try TLSSession(server: server)
        self.client = try TLSSession(client: client, host: host, resuming: resumption)
    }

    /// A pair with the development certificate, its handshake done.
    static func opened(maximumVersion: Int32 = TLS1_3_VERSION) throws -> Pair {
        let server = try Fixtures.server("localhost")
        #expect(copenssl_ctx_set_max_version(server.primary, maximumVersion) == 1)
        let pair = try Pair(server, Fixtures.client(trust: "dev-ca.crt"))
        pair.shakeHands()
        try #require(pair.server.isOpen && pair.client.isOpen)
        return pair
    }

    /// Starts the client and passes bytes to and fro until neither side has more to say.
    func shakeHands(chunk: Int = .max) {
        _ = client.start(into: &up)
        pump(chunk: chunk)
    }

    /// Passes bytes to and fro in pieces of `chunk` until neither side has more to say.
    func pump(chunk: Int = .max) {
        while !up.isEmpty || !down.isEmpty {
            while !up.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: up.readable.prefix(chunk))
                _ = server.receive(piece, plaintext: &serverText, ciphertext: &down)
                up.consume(piece.count)
            }
            while !down.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: down.readable.prefix(chunk))
                _ = client.receive(piece, plaintext: &clientText, ciphertext: &up)
                down.consume(piece.count)
            }
        }
    }

    func sendToServer(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try client.send($0, into: &up) }
    }

    func sendToClient(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try server.send($0, into: &down) }
    }

    /// Gives the server raw bytes.
    func injectToServer(_ bytes: [UInt8]) -> TLSProgress {
        bytes.withUnsafeBytes {
            server.receive($0, plaintext: &serverText, ciphertext: &down)
        }
    }
}

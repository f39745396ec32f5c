// Headers of the PROXY protocol, sound and broken, each fed whole with bytes behind it, and cut at
// every position: a part needs more or comes out as the whole does.

import Bytes
import HTTPWire
import Testing

/// What came of a parse, in comparable form.
private enum Parsed: Equatable {
    case needMore
    case complete(ProxyHeader.Source, Int)
    case refused(WireFault)
}

private func parse(_ bytes: some Collection<UInt8>) -> Parsed {
    withBytes(Array(bytes)) { bytes -> Parsed in
        do throws(WireError) {
            switch try ProxyHeader.parse(bytes) {
            case .needMore: return .needMore
            case .complete(let header): return .complete(header.source, header.byteCount)
            }
        } catch {
            guard case .peer(let fault, suggestedStatus: 400) = error else {
                Issue.record("\(error)")
                return .needMore
            }
            return .refused(fault)
        }
    }
}

/// Expects that `bytes` come to `expected`, whole, cut anywhere and with more behind them.
private func expect(
    _ bytes: [UInt8], _ expected: Parsed, _ sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(parse(bytes) == expected, sourceLocation: sourceLocation)
    for tail in [[0], Array("GET / HTTP/1.1\r\n".utf8), [UInt8](repeating: 0x0D, count: 5000)]
    where expected != .needMore {
        #expect(parse(bytes + tail) == expected, sourceLocation: sourceLocation)
    }
    for cut in bytes.indices {
        let part = parse(bytes[..<cut])
        switch expected {
        case .refused:
            #expect(part == .needMore || part == expected, sourceLocation: sourceLocation)
        case .complete, .needMore:
            #expect(part == .needMore, "cut at \(cut)", sourceLocation: sourceLocation)
        }
    }
}

@Suite struct ProxyHeaderTests {
    @Test(arguments: [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\r\n",
            ProxyHeader.Source.v4(address: 0xC000_0201, port: 49152)
        ),
        ("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", .v4(address: 0, port: 0)),
        ("PROXY TCP6 ::1 :: 1 2\r\n", .v6(high: 0, low: 1, port: 1)),
        (
            "PROXY TCP6 2001:db8::a:0:0:1 ::1 65535 1\r\n",
            .v6(high: 0x2001_0DB8_0000_0000, low: 0x000A_0000_0000_0001, port: 65535)
        ),
        (
            "PROXY TCP6 1:2:3:4:5:6:7:8 ::1 5 6\r\n",
            .v6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0008, port: 5)
        ),
        ("PROXY TCP6 1:: ::1 5 6\r\n", .v6(high: 0x0001_0000_0000_0000, low: 0, port: 5)),
        (
            "PROXY TCP6 ::ffff:192.0.2.1 ::1 5 6\r\n",
            .v6(high: 0, low: 0x0000_FFFF_C000_0201, port: 5)
        ),
        ("PROXY TCP6 FFFF:: ::1 5 6\r\n", .v6(high: 0xFFFF_0000_0000_0000, low: 0, port: 5)),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                + "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            .v6(high: .max, low: .max, port: 65535)
        ),
        ("PROXY UNKNOWN\r\n", .unnamed),
        ("PROXY UNKNOWN what ever  1 2\r\n", .unnamed),
    ])
    func `a line names the client`(_ line: String, _ source: ProxyHeader.Source) {
        expect(Array(line.utf8), .complete(source, line.utf8.count))
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", WireFault.proxyHeaderMissing),
        ("\u{16}\u{03}\u{01}", .proxyHeaderMissing),
        ("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyHeaderMissing),
        ("PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyHeaderMissing),
        ("PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyHeaderMissing),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .proxyHeaderMissing),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1\t2\r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\0\r\n", .proxyLineInvalid),
        ("PROXY UNKNOWN é\r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", .proxyAddressInvalid),
        ("PROXY TCP4\r\n", .proxyAddressInvalid),
        ("PROXY \r\n", .proxyFamilyUnsupported),
        ("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyFamilyUnsupported),
        ("PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyFamilyUnsupported),
        ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", .proxyFamilyUnsupported),
        ("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", .proxyLineInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4  1 2\r\n", .proxyLineInvalid),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 x 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP6 1::2::3 ::1 1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 0x1 2\r\n", .proxyAddressInvalid),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 99999999999999999999\r\n", .proxyAddressInvalid),
    ])
    func `a line that is not exactly one is refused`(_ text: String, _ fault: WireFault) {
        expect(Array(text.utf8), .refused(fault))
    }

    @Test func `a line has 107 bytes at most`() {
        let longest = "PROXY UNKNOWN ".padding(to: 105) + "\r\n"
        expect(Array(longest.utf8), .complete(.unnamed, 107))
        for count in [106, 107, 200] {
            let text = "PROXY UNKNOWN ".padding(to: count) + "\r\n"
            expect(Array(text.utf8), .refused(.proxyLineTooLong))
        }
    }

    @Test func `a binary header names the client`() {
        expect(binary(0x21, 0x11, v4), .complete(.v4(address: 0xC000_0201, port: 49152), 28))
        expect(
            binary(0x21, 0x21, v6),
            .complete(.v6(high: 0x2001_0DB8_0000_0000, low: 1, port: 443), 52))
        expect(
            binary(0x21, 0x31, [UInt8](repeating: 0x61, count: 216)), .complete(.unix, 232))
        // An extension: a unique id of three bytes.
        expect(
            binary(0x21, 0x11, v4 + [0x05, 0, 3, 1, 2, 3]),
            .complete(.v4(address: 0xC000_0201, port: 49152), 34))
    }

    @Test func `a proxy may speak for itself`() {
        expect(binary(0x20, 0x00, []), .complete(.unnamed, 16))
        expect(binary(0x21, 0x00, []), .complete(.unnamed, 16))
        // What a LOCAL header says of addresses is skipped, whatever it is.
        expect(binary(0x20, 0x11, v4), .complete(.unnamed, 28))
        expect(binary(0x20, 0xFF, [1, 2, 3]), .complete(.unnamed, 19))
    }

    @Test func `the checksum must be right, if there is one`() {
        // CRC-32C of the header with zeros in its place, computed by another implementation.
        let header = binary(0x21, 0x11, v4 + [0x03, 0, 4, 0x50, 0x86, 0x8E, 0x7D])
        expect(header, .complete(.v4(address: 0xC000_0201, port: 49152), 35))
        for index in [17, 24, 34] {
            var broken = header
            broken[index] ^= 1
            expect(broken, .refused(.proxyChecksumWrong))
        }
    }

    @Test(arguments: [
        (binary(0x11, 0x11, v4), WireFault.proxyVersionUnsupported),
        (binary(0x31, 0x11, v4), .proxyVersionUnsupported),
        (binary(0x22, 0x11, v4), .proxyVersionUnsupported),
        (binary(0x21, 0x12, v4), .proxyFamilyUnsupported),
        (binary(0x21, 0x01, []), .proxyFamilyUnsupported),
        (binary(0x21, 0x41, v4), .proxyFamilyUnsupported),
        (binary(0x21, 0x11, Array(v4.dropLast())), .proxyLengthInvalid),
        (binary(0x21, 0x21, v4), .proxyLengthInvalid),
        (binary(0x21, 0x31, v6), .proxyLengthInvalid),
        (binary(0x21, 0x11, v4 + [0x05]), .proxyLengthInvalid),
        (binary(0x21, 0x11, v4 + [0x05, 0, 2, 1]), .proxyLengthInvalid),
        (binary(0x21, 0x11, v4 + [0x03, 0, 3, 1, 2, 3]), .proxyLengthInvalid),
        (binary(0x21, 0x11, v4 + [UInt8](repeating: 0, count: 4096)), .proxyLengthInvalid),
        (binary(0x20, 0x00, [UInt8](repeating: 0, count: 4081)), .proxyLengthInvalid),
        (
            [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0D],
            .proxyHeaderMissing
        ),
        ([0x0D, 0x0A, 0x47], .proxyHeaderMissing),
    ])
    func `a binary header that is not sound is refused`(_ bytes: [UInt8], _ fault: WireFault) {
        expect(bytes, .refused(fault))
    }

    @Test func `the longest header is 4 KiB`() {
        expect(
            binary(0x20, 0x00, [UInt8](repeating: 0, count: 4080)), .complete(.unnamed, 4096))
    }

    @Test func `nothing is not yet a header`() {
        expect([], .needMore)
    }
}

/// 192.0.2.1:49152 to 198.51.100.7:443.
private let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xC0, 0, 1, 0xBB]

/// [2001:db8::1]:443 to [::2]:80.
private let v6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
    + [UInt8](repeating: 0, count: 15) + [2] + [1, 0xBB, 0, 80]

/// A binary header.
private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family]
        + [UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
}

extension String {
    fileprivate func padding(to count: Int) -> String {
        self + String(repeating: "x", count: count - utf8.count)
    }
}

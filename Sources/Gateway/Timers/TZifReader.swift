// TZifReader: compiled time zone files, RFC 9636: from bytes to rules. Sans-IO; every count in the
// file is checked before it is believed.
//
//     header v1 │ data with 32-bit times │ header v2 │ data with 64-bit times │ LF rule LF
//
// The rule behind the data says how the clock goes on after the last change listed. It is unrolled
// to the year 2200, so that whoever asks later has one list to look at.

internal import Bytes

/// Reads the format of `/usr/share/zoneinfo`.
struct TZifReader {
    /// The file is no sound TZif file.
    struct Fault: Error, Equatable {
        let problem: String
    }

    /// Most changes that a file may list; the longest of today has 236.
    static let changeLimit = 4_096

    /// Last year for which rules are unrolled; moments beyond are refused everywhere.
    static let lastYear = 2_200

    private var rest: ArraySlice<UInt8>

    private struct Header {
        var version: UInt8
        var utcMarks, standardMarks, leaps, times, types, letters: Int

        /// Bytes of the data behind the header, with times of `width` bytes.
        func dataSize(_ width: Int) -> Int {
            times * (width + 1) + types * 6 + letters + leaps * (width + 4) + standardMarks
                + utcMarks
        }
    }

    /// Reads the file `bytes` of the zone `name`.
    static func read(
        _ bytes: [UInt8], name: String
    ) throws(Fault) -> TimeZoneRules {
        var reader = TZifReader(rest: bytes[...])
        var header = try reader.header()
        var width = 4
        if header.version >= 0x32 {
            _ = try reader.take(header.dataSize(4))
            header = try reader.header()
            width = 8
        }
        let (initial, listed) = try reader.data(header, width)
        var changes = listed
        if width == 8, let rule = try reader.footer() {
            let last = changes.last?.at ?? Int64.min
            changes += rule.changes(after: last, throughYear: lastYear)
        }
        return TimeZoneRules(name: name, initial: initial, changes: changes)
    }

    private mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Fault(problem: "the file is cut short") }
        let part = rest.prefix(count)
        rest = rest.dropFirst(count)
        return part
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        var value: Int64 = (bytes.first ?? 0) & 0x80 == 0 ? 0 : -1
        for byte in bytes { value = value << 8 | Int64(byte) }
        return value
    }

    private mutating func count(upTo limit: Int) throws(Fault) -> Int {
        let value = Self.number(try take(4))
        guard (0...Int64(limit)).contains(value) else { throw Fault(problem: "a count is absurd") }
        return Int(value)
    }

    private mutating func header() throws(Fault) -> Header {
        let magic = try take(4)
        guard magic.elementsEqual("TZif".utf8) else { throw Fault(problem: "it is no TZif file") }
        let version = try take(1).first ?? 0
        _ = try take(15)
        let utc = try count(upTo: 256)
        let standard = try count(upTo: 256)
        let leaps = try count(upTo: 1_024)
        let times = try count(upTo: Self.changeLimit)
        let types = try count(upTo: 256)
        let letters = try count(upTo: 4_096)
        guard types > 0 else { throw Fault(problem: "it has no local time") }
        return Header(
            version: version, utcMarks: utc, standardMarks: standard, leaps: leaps, times: times,
            types: types, letters: letters)
    }

    private mutating func data(
        _ header: Header, _ width: Int
    ) throws(Fault) -> (initial: Int64, changes: [TimeZoneRules.Change]) {
        let times = try take(header.times * width)
        let indices = try take(header.times)
        let types = try take(header.types * 6)
        _ = try take(header.letters + header.leaps * (width + 4))
        _ = try take(header.standardMarks + header.utcMarks)
        var offsets: [Int64] = []
        for type in 0..<header.types {
            let offset = Self.number(types.dropFirst(type * 6).prefix(4))
            // RFC 9636 §3.2: at least -25 h and at most +26 h.
            guard (-90_000...93_600).contains(offset) else {
                throw Fault(problem: "an offset is absurd")
            }
            offsets.append(offset)
        }
        var changes: [TimeZoneRules.Change] = []
        for (place, index) in indices.enumerated() {
            let at = Self.number(times.dropFirst(place * width).prefix(width))
            guard Int(index) < offsets.count else { throw Fault(problem: "a type is missing") }
            guard changes.last.map({ $0.at < at }) ?? true else {
                throw Fault(problem: "its changes are not in order")
            }
            // Far beyond any calendar, and sums with it stay within 64 bits.
            guard at.magnitude < 1 << 60 else { throw Fault(problem: "a moment is absurd") }
            changes.append(.init(at: at, offset: offsets[Int(index)]))
        }
        return (offsets[0], changes)
    }

    private mutating func footer() throws(Fault) -> POSIXZone? {
        guard rest.first == 0x0A, let end = rest.dropFirst().firstIndex(of: 0x0A) else {
            throw Fault(problem: "the rule at its end is missing")
        }
        let text = String(decoding: rest.dropFirst().prefix(upTo: end), as: UTF8.self)
        guard !text.isEmpty else { return nil }
        guard let zone = POSIXZone(text) else { throw Fault(problem: "its rule is not sound") }
        return zone
    }
}

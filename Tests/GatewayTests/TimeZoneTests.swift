// Time zones: the system's files, rules behind them, and files that are broken in every way.

import Foundation
import Testing

@testable import Gateway

@Suite struct TimeZoneTests {
    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: TimeZoneStore.folder + "/" + name)))
    }

    @Test(arguments: [
        // Listed changes.
        ("Europe/Berlin", "2026-07-01T00:00:00Z", 7_200),
        ("Europe/Berlin", "2026-01-01T00:00:00Z", 3_600),
        ("Asia/Kolkata", "2026-01-01T00:00:00Z", 19_800),
        ("Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39_600),
        ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37_800),
        ("America/St_Johns", "1990-01-01T00:00:00Z", -12_600),
        // Behind the last change of the file, by its rule.
        ("Europe/Berlin", "2099-07-01T00:00:00Z", 7_200),
        ("Europe/Berlin", "2099-12-01T00:00:00Z", 3_600),
        ("America/New_York", "2150-07-04T00:00:00Z", -14_400),
        ("Africa/Casablanca", "2199-01-01T00:00:00Z", 3_600),
        ("America/Nuuk", "2100-07-01T00:00:00Z", -3_600),
        ("UTC", "2100-07-01T00:00:00Z", 0),
    ])
    func `offsets are those of the database`(name: String, moment: String, offset: Int64) throws {
        let seconds = try #require(Timestamp.parse(moment)) / 1_000_000_000
        #expect(try TimeZoneStore().zone(name).segment(at: seconds).offset == offset)
    }

    @Test func `every zone of the system agrees with Foundation`() throws {
        let store = TimeZoneStore()
        let names = TimeZone.knownTimeZoneIdentifiers
        var looked = 0
        for name in names
        where FileManager.default.fileExists(atPath: "\(TimeZoneStore.folder)/\(name)") {
            let rules = try store.zone(name)
            guard let zone = TimeZone(identifier: name) else { continue }
            // Foundation brings a database of its own: only years that no edition disputes.
            for year in 2001...2019 {
                for month in [0, 3, 6, 9] {
                    let seconds = Int64((year - 1970) * 31_556_952 + month * 2_629_746)
                    let theirs = zone.secondsFromGMT(
                        for: Date(timeIntervalSince1970: Double(seconds)))
                    #expect(
                        rules.segment(at: seconds).offset == Int64(theirs), "\(name) \(seconds)")
                    looked += 1
                }
            }
        }
        #expect(looked > 10_000)
    }

    @Test(arguments: [
        "", "Nowhere/Town", "../../../etc/passwd", "/etc/passwd", "Europe", "Europe/",
        "Europe//Berlin",
        ".", "posixrules/../UTC", "tzdata.zi", "zone.tab",
    ])
    func `what is no zone is refused`(name: String) {
        #expect(throws: TimeZoneStore.Fault.self) { try TimeZoneStore().zone(name) }
    }

    @Test func `a system without a database says so`() {
        #expect(throws: TimeZoneStore.Fault.noDatabase(folder: "/nonexistent")) {
            try TimeZoneStore(folder: "/nonexistent").zone("Europe/Berlin")
        }
    }

    @Test func `a file that is cut short is refused, wherever it ends`() throws {
        let file = try bytes("Europe/Berlin")
        for count in 0..<(file.count - 1) {
            #expect(throws: TZifReader.Fault.self, "cut at \(count)") {
                try TZifReader.read(Array(file.prefix(count)), name: "x")
            }
        }
        _ = try TZifReader.read(file, name: "x")
    }

    @Test func `a file with any byte changed is read or refused, and never more than that`() throws
    {
        let file = try bytes("America/New_York")
        var accepted = 0
        for place in file.indices {
            for value: UInt8 in [0, 0x7F, 0x80, 0xFF] {
                var broken = file
                broken[place] = value
                guard let rules = try? TZifReader.read(broken, name: "x") else { continue }
                accepted += 1
                _ = try? CronExpression("30 2 * * *").next(after: 1_800_000_000, in: rules)
            }
        }
        #expect(accepted > 0)
    }

    @Test(arguments: [
        ("UTC0", 0, 0), ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, 7_200),
        ("<+0330>-3:30", 12_600, 12_600), ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7_200, -3_600),
        ("IST-2IDT,M3.4.4/26,M10.5.0", 7_200, 10_800),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37_800, 39_600),
        ("EST5EDT,J60,J300/5:30:15", -18_000, -14_400), ("EST5EDT,59,300", -18_000, -14_400),
    ])
    func `rules are read`(text: String, standard: Int64, saving: Int64) throws {
        let zone = try #require(POSIXZone(text))
        #expect(zone.standard == standard)
        #expect((zone.saving?.offset ?? standard) == saving)
    }

    @Test(arguments: [
        "", "U0", "UTC", "UTC25", "UTC0x", "CET-1CEST", "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,J0,J1", "CET-1CEST,366,1", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0,", "CET--1",
    ])
    func `what is no rule is refused`(text: String) {
        #expect(POSIXZone(text) == nil)
    }
}

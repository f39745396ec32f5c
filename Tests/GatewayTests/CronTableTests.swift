// Cron expressions against Python's croniter: random expressions, moments and zones, made by
// Cron/make-table.py, which also says what the columns are and what is left out. A longer table is
// taken from SIGNALBOX_CRON_TABLE, gzipped like the one here.

import Bytes
import Compression
import Foundation
import Testing

@testable import Gateway

@Suite struct CronTableTests {
    private struct Row {
        let line: Int
        let expression: String
        let zone: String
        let start: Int64
        let moments: [Int64]
        let own: Int64

        init?(_ line: Int, _ text: Substring) {
            let columns = text.split(separator: "\t").map(String.init)
            guard columns.count == 5, let start = Int64(columns[2]), let later = Int64(columns[4])
            else { return nil }
            self.line = line
            expression = columns[0]
            zone = columns[1]
            self.start = start
            var moments: [Int64] = []
            for step in columns[3].split(separator: " ").compactMap({ Int64($0) }) {
                moments.append((moments.last ?? start) + step)
            }
            self.moments = moments
            guard let first = moments.first else { return nil }
            own = first + later
        }
    }

    private static func rows() throws -> [Row] {
        let path =
            ProcessInfo.processInfo.environment["SIGNALBOX_CRON_TABLE"]
            ?? String(#filePath.dropLast("CronTableTests.swift".count)) + "Cron/table.tsv.gz"
        let packed = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let inflater = try Inflater(.gzip, outputLimit: 1 << 28)
        var bytes = ByteBuffer()
        try packed.withUnsafeBytes { try inflater.append($0, to: &bytes) }
        try inflater.finish()
        let text = String(decoding: bytes.array(), as: UTF8.self)
        return try text.split(separator: "\n").enumerated().map { line, row in
            try #require(Row(line + 1, row))
        }
    }

    @Test func `what comes next is what croniter and zoneinfo say`() throws {
        let rows = try Self.rows()
        #expect(rows.count >= 10_000)
        let store = TimeZoneStore()
        for row in rows {
            let zone = try store.zone(row.zone)
            let expression = try CronExpression(row.expression)
            var moments: [Int64] = []
            var last = row.start
            while moments.count < 3, let next = expression.next(after: last, in: zone) {
                moments.append(next)
                last = next
            }
            #expect(moments == row.moments, "line \(row.line): \(row.expression) in \(row.zone)")
        }
    }

    // Asked with a time zone, croniter adds the hour of a switch that lies on the way to its answer
    // or takes it away, so that the answer does not fit the expression on the clock of the place.
    // Where no switch lies on the way, and nothing is repeated, it says what we say.
    @Test func `croniter's own account of a zone differs at switches only`() throws {
        let store = TimeZoneStore()
        for row in try Self.rows() where row.moments.first != row.own {
            let zone = try store.zone(row.zone)
            let start = zone.segment(at: row.start)
            let isRepeating = row.start + start.offset < start.repeatedUntil
            let found = try #require(row.moments.first)
            #expect(
                start != zone.segment(at: max(found, row.own)) || isRepeating,
                "line \(row.line): \(row.expression) in \(row.zone)")
        }
    }
}

// Negotiation: choosing what to send by Accept and Accept-Encoding (RFC 9110 §12).
//
// Elements that break the grammar are passed over. Quality values are counted in thousandths.

import Bytes

/// A content coding that this server can apply or undo.
package enum ContentCoding: UInt8, CaseIterable, Sendable {
    case identity, gzip, deflate

    /// The name in Content-Encoding.
    package var name: StaticString {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .deflate: "deflate"
        }
    }

    /// The coding called `name`; `x-gzip` is gzip (RFC 9110 §8.4.1.3).
    package init?(_ name: UnsafeRawBufferPointer) {
        if ASCII.equals(name, "gzip") || ASCII.equals(name, "x-gzip") {
            self = .gzip
        } else if ASCII.equals(name, "deflate") {
            self = .deflate
        } else if ASCII.equals(name, "identity") {
            self = .identity
        } else {
            return nil
        }
    }
}

/// Proactive negotiation.
package enum Negotiation {
    /// The number of the offer that suits `accept` best, or nil if none does (406).
    ///
    /// Offers are `type/subtype` in lower case, the one we like best first; it wins ties, and
    /// wins if there is no Accept. Of the ranges that match an offer the most specific one tells its
    /// quality; parameters other than `q` do not matter.
    package static func mediaType(
        accept: UnsafeRawBufferPointer?, offers: [StaticString]
    ) -> Int? {
        guard let accept, FieldList.trimmed(accept).count > 0 else {
            return offers.isEmpty ? nil : 0
        }
        // What most clients send needs no list to be read: one of the offers, or anything.
        if ASCII.isExactly(accept, "*/*") { return offers.isEmpty ? nil : 0 }
        if let exact = offers.firstIndex(where: { ASCII.isExactly(accept, $0) }) { return exact }
        var best: (index: Int, quality: Int)?
        for (index, offer) in offers.enumerated() {
            let quality = quality(ofMediaType: offer, in: accept)
            if quality > best?.quality ?? 0 { best = (index, quality) }
        }
        return best?.index
    }

    /// The quality of `offer` according to `accept`, 0 to 1000.
    private static func quality(
        ofMediaType offer: StaticString, in accept: UnsafeRawBufferPointer
    ) -> Int {
        let offer = UnsafeRawBufferPointer(
            start: offer.utf8Start, count: offer.utf8CodeUnitCount)
        var specificity = 0
        var quality = 0
        var list = FieldList(accept)
        while let element = list.next() {
            guard let (range, weight) = weighted(element) else { continue }
            let match = specificityOf(range: range, for: offer)
            guard match > 0, match >= specificity else { continue }
            quality = match > specificity ? weight : max(quality, weight)
            specificity = match
        }
        return quality
    }

    /// 3 if `range` is `offer`, 2 for `type/*`, 1 for `*/*`, 0 if it does not match.
    private static func specificityOf(
        range: UnsafeRawBufferPointer, for offer: UnsafeRawBufferPointer
    ) -> Int {
        if ASCII.isExactly(range, "*/*") { return 1 }
        guard range.count >= 3, let slash = range.firstIndex(of: UInt8(ascii: "/")) else {
            return 0
        }
        let isWild = slash == range.count - 2 && range[slash + 1] == UInt8(ascii: "*")
        let compared = isWild ? slash + 1 : range.count
        guard isWild ? offer.count > compared : offer.count == compared else { return 0 }
        for index in 0..<compared where ASCII.lower(range[index]) != offer[index] { return 0 }
        return isWild ? 2 : 3
    }

    /// The best coding of a response according to `accept`, or nil if not even identity will do.
    ///
    /// Without the field nothing is coded. Of equal qualities gzip wins over deflate, and both over
    /// an identity that was not asked for.
    package static func contentCoding(accept: UnsafeRawBufferPointer?) -> ContentCoding? {
        guard let accept else { return .identity }
        var gzip: Int?
        var deflate: Int?
        var identity: Int?
        var others: Int?
        var list = FieldList(accept)
        while let element = list.next() {
            guard let (name, weight) = weighted(element) else { continue }
            if ASCII.isExactly(name, "*") {
                others = others ?? weight
                continue
            }
            switch ContentCoding(name) {
            case .gzip: gzip = gzip ?? weight
            case .deflate: deflate = deflate ?? weight
            case .identity: identity = identity ?? weight
            case nil: break
            }
        }
        let plain = identity ?? others
        let coded = max(gzip ?? others ?? 0, deflate ?? others ?? 0)
        if coded > 0, coded >= identity ?? 0 {
            return (gzip ?? others ?? 0) >= (deflate ?? others ?? 0) ? .gzip : .deflate
        }
        // RFC 9110 §12.5.3: identity is acceptable unless it is excluded.
        return plain == 0 ? nil : .identity
    }

    /// The part of `element` before its parameters, and its weight in thousandths, or nil.
    private static func weighted(
        _ element: UnsafeRawBufferPointer
    ) -> (UnsafeRawBufferPointer, Int)? {
        var parts = FieldList(element, separator: UInt8(ascii: ";"))
        guard let name = parts.next() else { return nil }
        while let part = parts.next() {
            guard part.count >= 2, part[0] | 0x20 == UInt8(ascii: "q"), part[1] == UInt8(ascii: "=")
            else { continue }
            let digits = UnsafeRawBufferPointer(rebasing: part[2...])
            guard let weight = thousandths(digits) else { return nil }
            return (name, weight)
        }
        return (name, 1000)
    }

    /// `0`, `1`, `0.ddd` or `1.000` with up to three digits (RFC 9110 §12.4.2), times 1000.
    private static func thousandths(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count >= 1, text.count <= 5, text[0] == 0x30 || text[0] == 0x31 else {
            return nil
        }
        var value = Int(text[0] &- 0x30) * 1000
        guard text.count > 1 else { return value }
        guard text[1] == UInt8(ascii: ".") else { return nil }
        var unit = 100
        for byte in text[2...] {
            guard ASCII.isDigit(byte) else { return nil }
            value += Int(byte &- 48) * unit
            unit /= 10
        }
        return value <= 1000 ? value : nil
    }
}

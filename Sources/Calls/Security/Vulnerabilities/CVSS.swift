import BotKit
import Envelopes
import Glibc

/// The base score of a CVSS v3.0 or v3.1 vector. Source: FIRST, "CVSS v3.1 Specification Document", section 7.1.
enum CVSS {
    /// 0.0 to 10.0; nil for what is no complete v3 vector.
    static func baseScore(_ vector: String) -> Double? {
        let parts = vector.split(separator: "/")
        guard let head = parts.first, head == "CVSS:3.0" || head == "CVSS:3.1", parts.count <= 64 else { return nil }
        var metrics: [Substring: Substring] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pair.count == 2, metrics.updateValue(pair[1], forKey: pair[0]) == nil else { return nil }
        }
        func weight(_ metric: Substring, _ weights: [Substring: Double]) -> Double? { metrics[metric].flatMap { weights[$0] } }
        let impactWeights: [Substring: Double] = ["H": 0.56, "L": 0.22, "N": 0]
        let privileges: [Substring: Double] =
            metrics["S"] == "C" ? ["N": 0.85, "L": 0.68, "H": 0.5] : ["N": 0.85, "L": 0.62, "H": 0.27]
        guard let scope = metrics["S"], scope == "U" || scope == "C",
            let attackVector = weight("AV", ["N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2]),
            let complexity = weight("AC", ["L": 0.77, "H": 0.44]), let privilege = weight("PR", privileges),
            let interaction = weight("UI", ["N": 0.85, "R": 0.62]), let confidentiality = weight("C", impactWeights),
            let integrity = weight("I", impactWeights), let availability = weight("A", impactWeights)
        else { return nil }

        let base = 1 - (1 - confidentiality) * (1 - integrity) * (1 - availability)
        let impact = scope == "U" ? 6.42 * base : 7.52 * (base - 0.029) - 3.25 * pow(base - 0.02, 15)
        guard impact > 0 else { return 0 }
        let exploitability = 8.22 * attackVector * complexity * privilege * interaction
        return roundedUp(min((scope == "U" ? 1 : 1.08) * (impact + exploitability), 10))
    }

    /// The smallest number with one decimal that is not less. Source: the same, appendix A.
    private static func roundedUp(_ value: Double) -> Double {
        let scaled = Int((value * 100_000).rounded())
        return scaled % 10_000 == 0 ? Double(scaled) / 100_000 : Double(scaled / 10_000 + 1) / 10
    }

    /// The qualitative rating; nil for 0, which rates as none. Source: the same, section 5.
    static func severity(score: Double) -> FindingSeverity? {
        switch score {
        case 9...: .critical
        case 7...: .high
        case 4...: .medium
        case 0.1...: .low
        default: nil
        }
    }
}

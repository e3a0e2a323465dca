import Glibc
import SystemHarness

/// A run that a worker put back into its queue because its lease had lapsed.
struct Taking: Sendable {
  /// The job's id.
  let job: String
  /// When that was logged, by this host's clock.
  let time: Double
  /// The worker that held it, by its name, which is made of host, process and a random part; nil when it is not known.
  let holder: String?
  /// The part that took it.
  let taker: String

  /// The process that held it.
  var process: Int32? { holder?.split(separator: "-").dropLast().last.flatMap { Int32($0) } }
}

/// What the logs of all workers say of lapsed leases.
struct Takings: Sendable {
  /// In the order of the logs.
  private(set) var all: [Taking] = []
  /// The parts, by the names of the workers that they have started.
  private(set) var parts: [String: String] = [:]

  /// Reads the logs.
  init(_ stack: Stack, workers: [String]) throws {
    for part in workers {
      for line in try stack.log(of: part).split(separator: "\n") {
        let words = line.split(separator: " ")
        func value(_ name: String) -> String? {
          words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        if line.contains("worker started"), let worker = value("worker") { parts[worker] = part }
        guard line.contains("a lapsed lease"), let job = value("job") else { continue }
        let holder = value("held_by").flatMap { $0 == "unknown" ? nil : $0 }
        all.append(Taking(job: job, time: Self.time(words.first ?? ""), holder: holder, taker: part))
      }
    }
  }

  /// Seconds since 1970, of a time such as `2026-11-30T10:00:00.250Z`.
  private static func time(_ text: Substring) -> Double {
    let numbers = text.split { !$0.isNumber }.map { Int32($0) ?? 0 }
    guard numbers.count == 7 else { return 0 }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
    return Double(timegm(&parts)) + Double(numbers[6]) / 1_000
  }
}

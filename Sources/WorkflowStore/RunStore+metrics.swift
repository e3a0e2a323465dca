import Hiredis
public import Metrics

extension RunStore {
  /// Fields that the sums may have: as many as a scrape reads in a few milliseconds.
  static let mostMetrics = 20_000
  /// Fields of one call at most: as many take Redis about a millisecond.
  static let mostGrowths = 2_000
  /// Seconds after which a process that has sent nothing is forgotten.
  private static let processMemory = 86_400

  /// Adds what a process has counted to the sums of all processes. Safe to send twice.
  /// - Parameters:
  ///   - process: names the process, and no other one before or after.
  ///   - number: of this portion, from 1.
  ///   - limit: how long it may take; as long as the store allows unless given.
  /// - Returns: how many figures were left out, because there are as many as may be.
  @discardableResult
  public func add(
    _ growths: [Meter.Growth], of process: String, number: Int, within limit: Duration? = nil
  ) async throws(StoreError) -> Int {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(number)
    arguments.append(Self.processMemory)
    arguments.append(Self.mostMetrics)
    for growth in growths {
      arguments.append(growth.field)
      arguments.append(growth.amount)
    }
    let reply = try await evaluate(
      Scripts.measure, [keys.metrics, keys.metrics(of: process)], arguments, within: limit)
    guard let omitted = reply.int else { throw Self.damaged(Scripts.measure, reply) }
    return max(0, omitted)
  }

  /// Reads the sums of this partition; what is no number is left out.
  public func metrics() async throws(StoreError) -> [Meter.Growth] {
    guard let words = try await send(["HGETALL", keys.metrics]).array else {
      throw .damaged("\(keys.metrics) is no hash")
    }
    return stride(from: 0, to: words.count - 1, by: 2).compactMap { index in
      guard let field = words[index].string, let amount = words[index + 1].string.flatMap({ Int($0) }) else {
        return nil
      }
      return Meter.Growth(field, amount)
    }
  }

  /// How a run has ended; nil while it is queued or started.
  public func end(of id: JobID) async throws(StoreError) -> RecordedEnd? {
    let reply = try await send(["HMGET", keys.job(id), "status", "error_code", "error"])
    guard let words = reply.array, words.count == 3 else { throw .damaged("\(keys.job(id)) is no hash") }
    switch words[0].string {
    case "queued", "started": return nil
    case "finished": return .finished
    case "cancelled": return .cancelled
    case "failed": return .failed(code: words[1].string ?? "", message: words[2].string ?? "")
    default: return .unknown
    }
  }
}

/// How a run has ended, as its job says.
public enum RecordedEnd: Sendable, Equatable {
  case finished, cancelled
  case failed(code: String, message: String)
  /// There is no job, or it says something else.
  case unknown
}

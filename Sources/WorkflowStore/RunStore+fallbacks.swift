import Hiredis

extension RunStore {
  /// How many steps of the last hour have the placeholder's words because the model failed, those of all workers
  /// together.
  public func fallbacksOfLastHour() async throws(StoreError) -> Int {
    do throws(RedisError) {
      let replies = try await connection.send([["TIME"], ["HGETALL", keys.fallbacks]], timeout: timeout)
      guard replies.count == 2, let seconds = replies[0].array?.first?.int else { return 0 }
      let counts = (replies[1].array ?? []).compactMap { Self.count($0.string ?? "", after: seconds / 60 - 60) }
      return counts.reduce(0, +)
    } catch {
      throw failure(error)
    }
  }

  /// The count of an entry such as `29412345:7` if its minute is within the hour.
  private static func count(_ entry: String, after first: Int) -> Int? {
    let parts = entry.split(separator: ":").compactMap { Int($0) }
    return parts.count == 2 && parts[0] > first ? parts[1] : nil
  }
}

import Hiredis

/// What one call reads of a store's list.
struct StorePortion: Sendable {
  /// Where it ended; see ``StoreCursor``.
  let place: String
  /// Bytes of a value that did not fit; 0 when none was left out.
  let left: Int
  /// The elements of the list, the newest first.
  let elements: [[UInt8]]
}

extension RunStore {
  /// Reads values of a store from a place on, the newest first.
  /// - Parameters:
  ///   - limit: values at most, from 1.
  ///   - room: bytes at most.
  ///   - roomForFirst: bytes at most of the first value, if that is more.
  func values(
    of name: StoreName, from place: String, limit: Int, room: Int, roomForFirst: Int
  ) async throws(StoreError) -> StorePortion {
    var arguments = RedisArguments()
    arguments.append(limit)
    arguments.append(room)
    arguments.append(roomForFirst)
    arguments.append(place)
    let reply = try await evaluate(Scripts.values, [keys.store(name.namespace, of: name.owner)], arguments)
    guard let parts = reply.array, parts.count >= 2, let place = parts[0].string, let left = parts[1].int else {
      throw Self.damaged(Scripts.values, reply)
    }
    return StorePortion(place: place, left: left, elements: parts.dropFirst(2).map { $0.bytesValue ?? [] })
  }
}

extension Partitions {
  /// How many values a store has, in all partitions.
  public func values(of name: StoreName) async throws(StoreError) -> Int {
    try await sum("LLEN", of: name) { store, commands throws(StoreError) in
      commands.count == 1 ? [try await store.send(commands[0])] : try await store.send(commands)
    }
  }

  /// Removes a store from all partitions. Safe to send twice.
  /// - Returns: whether it was there.
  public func removeStore(_ name: StoreName) async throws(StoreError) -> Bool {
    try await sum("UNLINK", of: name) { store, commands throws(StoreError) in try await store.sendSafely(commands) } > 0
  }

  /// The sum of what a command answers to the list of each partition.
  private func sum(
    _ command: String, of name: StoreName,
    _ send: @escaping @Sendable (RunStore, [RedisArguments]) async throws(StoreError) -> [RedisReply]
  ) async throws(StoreError) -> Int {
    let commands: [RedisArguments] = all.map { [command, $0.keys.store(name.namespace, of: name.owner)] }
    let replies =
      isSpread
      ? try await gather { number, store throws(StoreError) in try await send(store, [commands[number]]) }.flatMap {
        $0
      }
      : try await send(all[0], commands)
    return replies.reduce(0) { $0 + ($1.int ?? 0) }
  }
}

/// A page of a store that is read, in one call of Redis or in several: each is bounded, and other clients come between.
public struct StoreReading: Sendable {
  /// Values and bytes that one call reads at most; of a longer value one alone.
  private static let (mostPerCall, roomPerCall) = (250, 1 << 20)

  private let name: StoreName
  private let limit: Int
  /// Calls that may still be made: a search for the last value of the page before may take several, and a page that
  /// ends within one is continued by the next request.
  private var calls: Int
  /// Where the page ends so far.
  public private(set) var cursor: StoreCursor
  /// The elements of the lists that were read.
  public private(set) var elements: [[UInt8]] = []
  /// Bytes of them.
  public private(set) var bytes = 0
  /// Bytes of a value that did not fit; 0 when none was left out.
  public private(set) var left = 0

  /// Begins a page.
  /// - Parameters:
  ///   - cursor: where the page before has ended; nil for the first one.
  ///   - limit: values at most.
  public init(_ name: StoreName, from cursor: StoreCursor?, limit: Int, partitions: Int) {
    self.name = name
    self.limit = limit
    self.cursor = cursor ?? StoreCursor(partitions: partitions)
    calls = partitions + 16
  }

  /// Reads on, until the page is full, a value does not fit, or the store has no more: of each list in turn.
  /// - Parameters:
  ///   - room: bytes that the page may have.
  ///   - isForced: whether the first value is read however long it is.
  public mutating func read(_ partitions: Partitions, room: Int, isForced: Bool) async throws(StoreError) {
    left = 0
    while elements.count < limit, calls > 0, !cursor.isAtEnd {
      let open = cursor.places.indices.filter { cursor.places[$0] != StoreCursor.end }
      let share = (limit - elements.count + open.count - 1) / open.count
      for number in open where elements.count < limit && calls > 0 {
        calls -= 1
        let free = max(0, room - bytes)
        let portion = try await partitions.all[number].values(
          of: name, from: cursor.places[number], limit: min(share, limit - elements.count, Self.mostPerCall),
          room: min(free, Self.roomPerCall), roomForFirst: isForced && elements.isEmpty ? 1 << 40 : free)
        cursor.places[number] = portion.place
        elements += portion.elements
        bytes += portion.elements.reduce(0) { $0 + $1.count }
        guard portion.left == 0 || !portion.elements.isEmpty else {
          left = portion.left
          return
        }
      }
    }
  }
}

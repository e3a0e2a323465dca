import CHiredis

/// Builds replies as hiredis's parser reads them, so that no reply is laid out in C first.
///
/// The parser calls a function for each value, in the order in which they arrive: an array before its elements.
final class ReplyBuilder {
  fileprivate struct OpenArray {
    var elements: [RedisReply] = []
    let count: Int
  }

  fileprivate struct State {
    var open: [OpenArray] = []
    var finished: RedisReply?
  }

  /// The parser keeps these addresses.
  private let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
  private let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)

  init() {
    state.initialize(to: State())
    functions.initialize(to: redisReplyObjectFunctions())
    functions.pointee.createString = { task, text, count in
      guard let task else { return nil }
      return State.add(.text(UnsafeRawBufferPointer(start: text, count: count), type: task.pointee.type), task)
    }
    functions.pointee.createInteger = { task, number in State.add(.integer(Int(number)), task) }
    functions.pointee.createNil = { task in State.add(.null, task) }
    functions.pointee.createArray = { task, count in State.open(Int(count), task) }
    functions.pointee.freeObject = { _ in }
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
    functions.deallocate()
  }

  /// Has a parser build its replies here. The parser must not outlive this object.
  func attach(to reader: UnsafeMutablePointer<redisReader>) {
    reader.pointee.fn = functions
    reader.pointee.privdata = UnsafeMutableRawPointer(state)
  }

  /// The reply that the parser has completed; nil while there is none.
  func take() -> RedisReply? { state.pointee.finished.take() }
}

extension ReplyBuilder.State {
  /// Adds a value to the array that is read, or finishes the reply.
  /// - Returns: the value's object for the parser, which only looks whether there is one.
  fileprivate static func add(
    _ reply: RedisReply, _ task: UnsafePointer<redisReadTask>?
  ) -> UnsafeMutableRawPointer? {
    guard let address = task?.pointee.privdata else { return nil }
    address.assumingMemoryBound(to: Self.self).pointee.add(reply)
    return address
  }

  /// Begins an array of this many elements.
  fileprivate static func open(
    _ count: Int, _ task: UnsafePointer<redisReadTask>?
  ) -> UnsafeMutableRawPointer? {
    if count == 0 { return add(.array([]), task) }
    guard let address = task?.pointee.privdata else { return nil }
    var array = ReplyBuilder.OpenArray(count: count)
    // What is announced need not come.
    array.elements.reserveCapacity(min(count, 1 << 10))
    address.assumingMemoryBound(to: Self.self).pointee.open.append(array)
    return address
  }

  private mutating func add(_ reply: consuming RedisReply) {
    while let last = open.indices.last {
      open[last].elements.append(reply)
      guard open[last].elements.count == open[last].count else { return }
      reply = .array(open.removeLast().elements)
    }
    finished = reply
  }
}

extension RedisReply {
  /// A text of one of hiredis's types.
  fileprivate static func text(_ bytes: UnsafeRawBufferPointer, type: Int32) -> RedisReply {
    switch type {
    case REDIS_REPLY_STATUS: .status(String(decoding: bytes, as: UTF8.self))
    case REDIS_REPLY_ERROR: .error(RedisReplyError(line: String(decoding: bytes, as: UTF8.self)))
    default: .bytes([UInt8](bytes))
    }
  }
}

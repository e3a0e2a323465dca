import CHiredis

/// Builds replies as hiredis's parser reads them, so that no reply is laid out in C first.
///
/// The parser calls a function for each value, in the order in which they arrive: an array before its elements.
final class ReplyBuilder {
  private struct OpenArray {
    var elements: [RedisReply] = []
    let count: Int
  }

  private var open: [OpenArray] = []
  private var finished: RedisReply?

  /// The functions that the parser calls; they must outlive it.
  private let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)

  init() {
    functions.initialize(to: redisReplyObjectFunctions())
    functions.pointee.createString = { task, text, count in
      ReplyBuilder.add(.text(UnsafeRawBufferPointer(start: text, count: count), type: task?.pointee.type ?? 0), task)
    }
    functions.pointee.createInteger = { task, number in ReplyBuilder.add(.integer(Int(number)), task) }
    functions.pointee.createNil = { task in ReplyBuilder.add(.null, task) }
    functions.pointee.createArray = { task, count in ReplyBuilder.open(count: Int(count), task) }
    functions.pointee.freeObject = { _ in }
  }

  deinit { functions.deallocate() }

  /// Has a parser build its replies here. The parser must not outlive this object.
  func attach(to reader: UnsafeMutablePointer<redisReader>) {
    reader.pointee.fn = functions
    reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
  }

  /// The reply that the parser has completed; nil while there is none.
  func take() -> RedisReply? { finished.take() }

  private func add(_ reply: RedisReply) {
    var reply = reply
    while let last = open.indices.last {
      open[last].elements.append(reply)
      guard open[last].elements.count == open[last].count else { return }
      reply = .array(open.removeLast().elements)
    }
    finished = reply
  }

  private func open(count: Int) {
    if count == 0 { return add(.array([])) }
    var array = OpenArray(count: count)
    // What is announced need not come.
    array.elements.reserveCapacity(min(count, 1 << 10))
    open.append(array)
  }

  /// - Returns: the object of the value for the parser, which only looks whether there is one.
  private static func add(_ reply: RedisReply, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
    guard let address = task?.pointee.privdata else { return nil }
    Unmanaged<ReplyBuilder>.fromOpaque(address).takeUnretainedValue().add(reply)
    return address
  }

  private static func open(count: Int, _ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
    guard let address = task?.pointee.privdata else { return nil }
    Unmanaged<ReplyBuilder>.fromOpaque(address).takeUnretainedValue().open(count: count)
    return address
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

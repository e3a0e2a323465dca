import CHiredis

extension RedisReply {
  /// Copies a reply of hiredis, which still belongs to the caller.
  init(copying reply: redisReply) {
    self =
      switch reply.type {
      case REDIS_REPLY_INTEGER: .integer(Int(reply.integer))
      case REDIS_REPLY_STRING: .bytes(Array(reply.bytes))
      case REDIS_REPLY_STATUS: .status(String(decoding: reply.bytes, as: UTF8.self))
      case REDIS_REPLY_ERROR: .error(RedisReplyError(line: String(decoding: reply.bytes, as: UTF8.self)))
      case REDIS_REPLY_ARRAY: .array(reply.elementsCopied)
      default: .null
      }
  }
}

extension redisReply {
  fileprivate var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: str, count: len) }

  fileprivate var elementsCopied: [RedisReply] {
    UnsafeBufferPointer(start: element, count: elements).map { element in
      element.map { RedisReply(copying: $0.pointee) } ?? .null
    }
  }
}

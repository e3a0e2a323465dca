/// The memory and connections that the requests of one API process may use together, so that no request blocks others.
///
/// Bytes are counted from before they are read from Redis until they were sent. Memory use is up to three times as
/// much: the received bytes, the reply and the response.
final class Quotas: Sendable {
  /// The most bytes of documents that are read together with the facts of a run.
  static let shortRun = 16 << 10
  /// The largest small document, in bytes.
  static let smallDocument = 64 << 10
  /// How many bytes of events may be sent without a share.
  static let freeEvents = 4 << 10

  private let smallDocuments = Quota(limit: 16 << 20)
  private let largeDocuments = Quota(limit: 64 << 20)
  /// Bytes of progress entries that are being sent.
  let events = Quota(limit: 16 << 20)
  private let longRequests: Quota

  /// - Parameter connections: the most connections; a quarter of them is reserved for short requests.
  init(connections: Int) { longRequests = Quota(limit: connections - connections / 4) }

  /// Acquires a share for the documents of a run that may be short; nil when too many bytes are in use.
  func shortRun() -> Quota.Share? { smallDocuments.acquire(Self.shortRun) }

  /// Acquires a share for the documents of a run.
  /// - Returns: the share, and whether the documents are large.
  /// - Throws: `busy` when too many bytes are in use.
  func document(_ bytes: Int) throws(APIError) -> (share: Quota.Share, isLarge: Bool) {
    let isLarge = bytes > Self.smallDocument
    guard let share = (isLarge ? largeDocuments : smallDocuments).acquire(bytes) else {
      throw .busy("other clients are reading as much as fits into the API's memory; try again")
    }
    return (share, isLarge)
  }

  /// Acquires a share for a request that occupies its connection for long: a long poll or a stream.
  /// - Throws: `busy` when too many such requests are active.
  func longRequest() throws(APIError) -> Quota.Share {
    guard let share = longRequests.acquire(1) else {
      throw .busy("as many clients wait for runs as the API has connections for (WF_API_CONNECTIONS); try again")
    }
    return share
  }
}

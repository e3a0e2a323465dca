/// How much the requests of one API process may take together, so that none keeps the others waiting.
///
/// Bytes count from before they are read from Redis until they have been sent. In memory they take up to three times as
/// much: as they arrive, as a reply, and as the answer.
final class Allowances: Sendable {
  /// Documents above this size count as large ones.
  static let smallDocument = 64 * 1_024
  /// What is assumed of a run of an older version, which does not say how much it holds.
  private static let unknownDocument = 8 << 20
  /// Bytes that a watcher may be sent without a share.
  static let freeEvents = 4 * 1_024

  private let smallDocuments = Quota(limit: 16 << 20)
  private let largeDocuments = Quota(limit: 64 << 20)
  /// Bytes of progress entries on their way to watchers.
  let events = Quota(limit: 16 << 20)
  private let places: Quota

  /// - Parameter connections: how many there may be; a quarter of them is kept for requests that do not wait.
  init(connections: Int) { places = Quota(limit: connections - connections / 4) }

  /// A share for the documents of a run.
  /// - Returns: the share, and whether they are large.
  func document(_ bytes: Int?) throws(APIError) -> (share: Quota.Share, isLarge: Bool) {
    let bytes = bytes ?? Allowances.unknownDocument
    let isLarge = bytes > Allowances.smallDocument
    guard let share = (isLarge ? largeDocuments : smallDocuments).take(bytes) else {
      throw .busy("other clients are reading as much as fits into the API's memory; try again")
    }
    return (share, isLarge)
  }

  /// A share for a request that keeps its connection for long.
  func place() throws(APIError) -> Quota.Share {
    guard let share = places.take(1) else {
      throw .busy("as many clients wait for runs as the API has connections for (WF_API_CONNECTIONS); try again")
    }
    return share
  }
}

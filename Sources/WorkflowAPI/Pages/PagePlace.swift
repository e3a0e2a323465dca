import ExactJSON
import FastCGI

/// What a request to the pages is for.
enum PagePlace: Sendable, Equatable {
  case runs
  /// The page of a run, by its id in the path.
  case run(String)
  /// The form of a submission.
  case submit
  case schedules, health, docs, login, logout
  /// A style sheet or a script, by its name with the digest.
  case asset(String)
  /// A button of the page of a run: the id and the verb.
  case steer(String, String)

  /// Paths below `/status` that have no page.
  private static let data = ["counts", "usage", "workers", "callbacks", "metrics"]
  private static let verbs = ["cancel", "pause", "resume", "retry", "rerun"]

  /// What a request is for; nil for a request to the JSON API. At paths that have both, a browser's `Accept` decides.
  init?(_ request: FastCGIRequest) {
    let isRead = ["GET", "HEAD"].contains(where: request.method.hasSameScalars)
    let isPost = request.method.hasSameScalars(as: "POST")
    let path = request.path
    let isAlone = Self.alone(path, isRead: isRead, isPost: isPost)
    if let isAlone {
      self = isAlone
      return
    }
    // Of the paths that take a POST, those of a run's buttons alone have a page.
    guard isRead || isPost && path.utf8.count(where: { $0 == UInt8(ascii: "/") }) == 3,
      MediaType.prefersHTML(request.headers("Accept")), Self.isNegotiated(path),
      QueryItems(request).text("format")?.hasSameScalars(as: "json") != true
    else { return nil }
    let segments = Self.segments(path)
    if isPost {
      guard segments.count == 3, FormBody.isForm(request) else { return nil }
      self = .steer(segments[1], segments[2])
      return
    }
    switch path {
    case _ where path.hasSameScalars(as: "/status"): self = .runs
    case _ where path.hasSameScalars(as: "/status/health"): self = .health
    case _ where path.hasSameScalars(as: "/workflow/schedules"): self = .schedules
    case _ where segments.count == 2: self = .run(segments[1])
    default: return nil
    }
  }

  /// Whether it is there without a key: what a browser needs to log in.
  var isPublic: Bool {
    switch self {
    case .login, .logout, .asset: true
    default: false
    }
  }

  /// Whether what is read at the path is JSON or a page, as `Accept` decides.
  static func hasBoth(_ request: FastCGIRequest) -> Bool {
    !request.method.hasSameScalars(as: "POST") && isNegotiated(request.path)
  }

  /// Whether a path has both JSON and a page, so that `Accept` decides.
  private static func isNegotiated(_ path: String) -> Bool {
    let segments = segments(path)
    guard let first = segments.first else { return false }
    if first.hasSameScalars(as: "status") {
      return segments.count == 1 || segments.count == 2 && !data.contains(where: segments[1].hasSameScalars)
    }
    guard first.hasSameScalars(as: "workflow") else { return false }
    if segments.count == 2 { return segments[1].hasSameScalars(as: "schedules") }
    return segments.count == 3 && verbs.contains(where: segments[2].hasSameScalars)
      && !segments[1].hasSameScalars(as: "runs")
  }

  /// What is at a path that has pages alone.
  private static func alone(_ path: String, isRead: Bool, isPost: Bool) -> Self? {
    if path.hasSameScalars(as: "/workflow") { return isRead || isPost ? .submit : nil }
    if path.hasSameScalars(as: "/workflow/docs") { return isRead ? .docs : nil }
    if path.hasSameScalars(as: "/workflow/login") { return isRead || isPost ? .login : nil }
    if path.hasSameScalars(as: "/workflow/logout") { return isPost ? .logout : nil }
    guard isRead, path.utf8.starts(with: "/workflow/assets/".utf8) else { return nil }
    let segments = segments(path)
    guard segments.count == 3, segments[0].hasSameScalars(as: "workflow"),
      segments[1].hasSameScalars(as: "assets")
    else { return nil }
    return .asset(segments[2])
  }

  private static func segments(_ path: String) -> [String] {
    Array(path.utf8).dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

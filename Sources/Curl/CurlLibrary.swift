import CCurl
import Glibc

/// libcurl, which the process loads when it needs it first.
enum CurlLibrary {
  /// The library's name, with the version of its binary interface.
  private static let name = "libcurl.so.4"
  /// The oldest version that has every function and option that is used: 7.88.0, as `LIBCURL_VERSION_NUM`.
  private static let oldest: UInt32 = 0x07_58_00

  private static let loaded = Result { () throws(HTTPLibraryError) in try load() }

  /// Loads and initialises the library, once. It is never unloaded: name lookups may still be running at exit.
  /// - Throws: why it cannot be used.
  static func require() throws(HTTPLibraryError) { try loaded.get() }

  /// The same; ends the process when the library cannot be used.
  static func initialize() {
    if case .failure(let error) = loaded { fatalError("\(error)") }
  }

  /// Whether requests may wait until it is known that a connection supports several at a time.
  ///
  /// If it does not (HTTP/1.1), libcurl 7.88.1 then opens a connection for each of them; 8.14.1 lets them wait until
  /// the first has its response (https://github.com/LadybirdBrowser/ladybird/pull/10655 describes the same).
  static let wakesWaitingRequests = {
    initialize()
    return ccurl_version_info(CURLVERSION_FIRST).pointee.version_num < 0x08_00_00
  }()

  private static func load() throws(HTTPLibraryError) {
    guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
      throw HTTPLibraryError(description: "\(name) cannot be loaded: \(String(cString: dlerror()))")
    }
    if let missing = ccurl_find(library) {
      throw HTTPLibraryError(description: "\(name) cannot be used: it has no \(String(cString: missing))")
    }
    let version = ccurl_version_info(CURLVERSION_FIRST).pointee
    guard version.version_num >= oldest else {
      throw HTTPLibraryError(
        description: "\(name) cannot be used: its version is \(String(cString: version.version)), not 7.88 or later")
    }
    keepCryptography(of: library)
    let code = ccurl_global_init(Int(CURL_GLOBAL_ALL))
    guard code == CURLE_OK else {
      throw HTTPLibraryError(
        description: "\(name) cannot be initialised: \(String(cString: ccurl_easy_strerror(code)))")
    }
  }

  /// Has libcrypto free nothing when the process ends (OPENSSL_INIT_NO_ATEXIT), since other threads may still be using
  /// it. Its first user decides that, and libcurl would have it free everything.
  private static func keepCryptography(of library: UnsafeMutableRawPointer) {
    typealias Initialize = @convention(c) (UInt64, OpaquePointer?) -> Int32
    // A libcurl with another library for TLS has no such function.
    guard let function = dlsym(library, "OPENSSL_init_crypto") else { return }
    _ = unsafeBitCast(function, to: Initialize.self)(0x0008_0000, nil)
  }
}

/// Why libcurl cannot be used, as a sentence without its period.
public struct HTTPLibraryError: Error, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String
}

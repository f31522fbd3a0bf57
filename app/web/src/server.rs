//! The listeners: TCP for programs, a Unix socket for the command line.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tieline_model::Refusal;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::access::Way;
use crate::api::router;
use crate::connection::Peer;
use crate::per_core;
use crate::web::Web;

/// Bound, but not serving yet: a port that is taken is found out before any work begins.
pub struct Listeners {
    tcp: TcpListener,
    socket: UnixListener,
    path: PathBuf,
}

impl Listeners {
    /// Binds both. The socket's file can be opened by the server's own user only.
    ///
    /// # Errors
    /// When the port or the socket is taken or not allowed.
    pub async fn bind(http: SocketAddr, socket: &Path) -> Result<Self, Refusal> {
        let tcp = TcpListener::bind(http).await.map_err(|error| {
            let what = format!("the address cannot be listened on: {error}");
            Refusal::operator(
                "listen-failed",
                what,
                "choose another [listen] http, or stop what uses the port",
            )
            .at(http.to_string())
        })?;
        Ok(Self { tcp, socket: bind_socket(socket).await?, path: socket.to_owned() })
    }

    /// The port that was given, when the configuration said 0.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn http(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

async fn bind_socket(path: &Path) -> Result<UnixListener, Refusal> {
    let refuse = |what: String| {
        Refusal::operator("listen-failed", what, "choose another [listen] admin_socket")
            .at(path.display().to_string())
    };
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        return Err(refuse("another server answers on the admin socket".to_owned()));
    }
    // A socket that nobody answers on was left behind by a process that is gone.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)
        .map_err(|error| refuse(format!("the admin socket cannot be made: {error}")))?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, private)
        .map_err(|error| refuse(format!("the admin socket cannot be made private: {error}")))?;
    Ok(listener)
}

/// Serves until `stop`, then lets requests under way finish.
///
/// # Errors
/// When a listener breaks.
pub async fn serve(listeners: Listeners, web: Arc<Web>, stop: CancellationToken) -> std::io::Result<()> {
    let over_tcp = router(Arc::clone(&web), Way::Tcp).into_make_service_with_connect_info::<Peer>();
    let over_socket = router(web, Way::Socket).into_make_service();
    let tcp = per_core::serve(listeners.tcp, over_tcp, stop.clone());
    let socket = axum::serve(listeners.socket, over_socket).with_graceful_shutdown(stop.cancelled_owned());
    let (tcp, socket) = tokio::join!(tcp, socket.into_future());
    let _ = std::fs::remove_file(&listeners.path);
    tcp.and(socket)
}

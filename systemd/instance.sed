# Makes the units of an instance (layerd@NAME) of those of the one daemon: a configuration, a state and
# sockets of its own.
s|/etc/layerd/layerd\.conf|/etc/layerd/%i.conf|
s|^StateDirectory=layerd$|StateDirectory=layerd/%i|
s|^Description=.*|& (%i)|
s|/run/layerd/layerd|/run/layerd/%i|
/^[A-Za-z]*=/s/\blayerd\(-ro\|-admin\)\{0,1\}\.\(socket\|service\)/layerd\1@%i.\2/g

# A PostgreSQL image laid out like the official one (user postgres, programs on
# PATH), made from Debian's packages for places where no registry answers. A mirror
# of sid may lag behind; its signature is still checked, its age is not.
ARG SUITE
FROM lifeboat-debian:${SUITE}
ARG MAJOR
RUN groupadd -r -g 999 postgres \
 && useradd -r -g postgres -u 999 -d /var/lib/postgresql -s /bin/bash postgres \
 && apt-get -o Acquire::Check-Valid-Until=false update \
 && mkdir -p /etc/postgresql-common \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends locales postgresql-${MAJOR} \
 && localedef -i en_US -f UTF-8 en_US.UTF-8 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /var/lib/postgresql/data && chown -R postgres:postgres /var/lib/postgresql
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/${MAJOR}/bin LANG=en_US.utf8 PG_MAJOR=${MAJOR} PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data

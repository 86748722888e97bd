CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE audit (
    sequence bigint NOT NULL,
    at_ms bigint NOT NULL,
    actor character varying(255) NOT NULL,
    action character varying(64) NOT NULL,
    subject character varying(255) NOT NULL,
    project_id character varying(64),
    detail json NOT NULL,
    address character varying(255)
);
CREATE SEQUENCE audit_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE audit_sequence_seq OWNED BY audit.sequence;
CREATE TABLE host_agents (
    host_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    machine_id character varying(255) NOT NULL,
    collects boolean NOT NULL,
    owns boolean NOT NULL,
    heard_ms bigint NOT NULL
);
CREATE TABLE keys (
    key_id character varying(64) NOT NULL,
    pcode bigint NOT NULL,
    name character varying(255) NOT NULL,
    secret_hash bytea NOT NULL,
    scopes character varying(64) NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint,
    last_used_ms bigint
);
CREATE TABLE layouts (
    layout_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    place character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    document json NOT NULL,
    version integer NOT NULL,
    modified_ms bigint NOT NULL
);
CREATE TABLE projects (
    pcode bigint NOT NULL,
    project_id character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    region character varying(64) NOT NULL,
    retention_ms bigint NOT NULL,
    linux_workspace boolean NOT NULL,
    limits json NOT NULL,
    created_ms bigint NOT NULL,
    targets_revision bigint DEFAULT '0'::bigint NOT NULL,
    windows_workspace boolean DEFAULT true NOT NULL,
    allowed_networks json DEFAULT '[]'::json NOT NULL
);
CREATE SEQUENCE projects_pcode_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE projects_pcode_seq OWNED BY projects.pcode;
CREATE TABLE removed_servers (
    host_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    address character varying(255) NOT NULL,
    instance_id character varying(255),
    os character varying(16),
    created_ms bigint NOT NULL,
    removed_ms bigint NOT NULL
);
CREATE TABLE servers (
    host_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    address character varying(255) NOT NULL,
    instance_id character varying(255),
    created_ms bigint NOT NULL,
    os character varying(16)
);
CREATE TABLE target_states (
    target_id character varying(36) NOT NULL,
    result_code integer NOT NULL,
    reason character varying(500),
    since_ms bigint NOT NULL
);
CREATE TABLE targets (
    target_id character varying(36) NOT NULL,
    job_id character varying(36) NOT NULL,
    host_id character varying(36) NOT NULL,
    port integer NOT NULL,
    modified_ms bigint NOT NULL,
    scrape text DEFAULT ''::text NOT NULL
);
CREATE TABLE workspaces (
    job_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    metrics_path character varying(1024) NOT NULL,
    description character varying(4000),
    reserved_code character varying(64),
    modified_ms bigint NOT NULL,
    scrape text DEFAULT ''::text NOT NULL
);
ALTER TABLE ONLY audit ALTER COLUMN sequence SET DEFAULT nextval('audit_sequence_seq'::regclass);
ALTER TABLE ONLY projects ALTER COLUMN pcode SET DEFAULT nextval('projects_pcode_seq'::regclass);
INSERT INTO alembic_version VALUES ('0006');
INSERT INTO audit VALUES (1, 1700000000000, 'system', 'project.create', 'shop', 'shop', '{"name": "\uc0c1\uc810", "region": "kr"}', NULL);
INSERT INTO audit VALUES (2, 1700000000000, 'system', 'key.create', '28ab28b99465ae0c', 'shop', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (3, 1700000000000, 'system', 'key.create', '406563b469a6caa0', 'shop', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (4, 1700000000000, 'system', 'project.create', 'other', 'other', '{"name": "other", "region": "jp"}', NULL);
INSERT INTO audit VALUES (5, 1700000000000, 'system', 'key.create', '0e1d1556e9cfb096', 'other', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (6, 1700000000000, 'system', 'key.create', '22e74cd847ad13f4', 'other', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (7, 1700000000000, 'system', 'project.create', 'gone', 'gone', '{"name": "gone", "region": "kr"}', NULL);
INSERT INTO audit VALUES (8, 1700000000000, 'system', 'key.create', '8e834a0179729f29', 'gone', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (9, 1700000000000, 'system', 'key.create', 'e94970038ceaac8a', 'gone', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (10, 1700000000000, 'system', 'project.delete', 'gone', 'gone', '{"name": "gone"}', NULL);
INSERT INTO audit VALUES (11, 1700000000000, 'system', 'server.create', '018bcfe5-6800-7866-9896-a3b939b46f81', 'shop', '{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}', NULL);
INSERT INTO audit VALUES (12, 1700000000000, 'system', 'workspace.create', '018bcfe5-6800-7866-9896-a3ba495b5adb', 'shop', '{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}', NULL);
INSERT INTO audit VALUES (13, 1700000000000, 'system', 'target.create', '018bcfe5-6800-7866-9896-a3ba5bb0bc45', 'shop', '{"hostId": "018bcfe5-6800-7866-9896-a3b939b46f81", "port": 9100}', NULL);
INSERT INTO audit VALUES (14, 1700000000000, 'system', 'key.create', 'd6ef897c7125ea30', 'shop', '{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}', NULL);
INSERT INTO audit VALUES (15, 1700000000000, 'system', 'workspace.scrape', '018bcfe5-6800-7866-9896-a3ba495b5adb', 'shop', '{"options": ["scrape_interval"]}', NULL);
INSERT INTO audit VALUES (16, 1700000000000, 'system', 'layout.create', '018bcfe5-6800-7866-9896-a3bb4cd1c592', 'shop', '{"name": "board", "place": "018bcfe5-6800-7866-9896-a3ba495b5adb"}', NULL);
INSERT INTO keys VALUES ('28ab28b99465ae0c', 1, 'appkey', '\x269d511c1b11303a64662cdbba2776f1d946483955a0ddef47605b2fc99740a2', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('406563b469a6caa0', 1, 'token', '\x9f0557960d808eb43e13a16079e2d346a77c38a8934c0636fc0f6155176a72c5', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('0e1d1556e9cfb096', 2, 'appkey', '\x84c45e928927949fa2097d1e90a2e4b31110d64a4245c0e7827d09652180e5f9', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('22e74cd847ad13f4', 2, 'token', '\x7a63c707930ef748b08af3d5b64a5d0100646a77f0b136a03bbab6fbd201516e', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('d6ef897c7125ea30', 1, 'ci', '\x9f02f566b077496cf3d9ae851fc265e6f289f66fe9aac9195d6d229a2ce20394', 'write', 1700000000000, 1900000000000, NULL);
INSERT INTO layouts VALUES ('018bcfe5-6800-7866-9896-a3bb4cd1c592', 1, '018bcfe5-6800-7866-9896-a3ba495b5adb', 'board', '{"panels": []}', 1, 1700000000000);
INSERT INTO projects VALUES (2, 'other', 'other', 'jp', 1296000000, true, '{}', 1700000000000, 0, true, '[]');
INSERT INTO projects VALUES (1, 'shop', '상점', 'kr', 2592000000, true, '{"max_keys": 7}', 1700000000000, 3, true, '[]');
INSERT INTO servers VALUES ('018bcfe5-6800-7866-9896-a3b939b46f81', 1, 'kr', 'web-1', '192.0.2.10', 'i-1', 1700000000000, NULL);
INSERT INTO targets VALUES ('018bcfe5-6800-7866-9896-a3b959baf4d8', '018bcfe5-6800-7866-9896-a3b7b0b907d0', '018bcfe5-6800-7866-9896-a3b939b46f81', 9100, 1700000000000, '');
INSERT INTO targets VALUES ('018bcfe5-6800-7866-9896-a3ba5bb0bc45', '018bcfe5-6800-7866-9896-a3ba495b5adb', '018bcfe5-6800-7866-9896-a3b939b46f81', 9100, 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7866-9896-a3b7b0b907d0', 1, 'kr', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7866-9896-a3b80509ce75', 2, 'jp', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7866-9896-a3ba495b5adb', 1, 'kr', 'app', '/metrics?x=1', NULL, NULL, 1700000000000, '{"scrape_interval": "30s"}');
SELECT pg_catalog.setval('audit_sequence_seq', 16, true);
SELECT pg_catalog.setval('projects_pcode_seq', 3, true);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (sequence);
ALTER TABLE ONLY host_agents
    ADD CONSTRAINT pk_host_agents PRIMARY KEY (host_id);
ALTER TABLE ONLY keys
    ADD CONSTRAINT pk_keys PRIMARY KEY (key_id);
ALTER TABLE ONLY layouts
    ADD CONSTRAINT pk_layouts PRIMARY KEY (layout_id);
ALTER TABLE ONLY projects
    ADD CONSTRAINT pk_projects PRIMARY KEY (pcode);
ALTER TABLE ONLY removed_servers
    ADD CONSTRAINT pk_removed_servers PRIMARY KEY (host_id);
ALTER TABLE ONLY servers
    ADD CONSTRAINT pk_servers PRIMARY KEY (host_id);
ALTER TABLE ONLY target_states
    ADD CONSTRAINT pk_target_states PRIMARY KEY (target_id);
ALTER TABLE ONLY targets
    ADD CONSTRAINT pk_targets PRIMARY KEY (target_id);
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT pk_workspaces PRIMARY KEY (job_id);
ALTER TABLE ONLY host_agents
    ADD CONSTRAINT uq_host_agents_pcode_machine_id UNIQUE (pcode, machine_id);
ALTER TABLE ONLY projects
    ADD CONSTRAINT uq_projects_project_id UNIQUE (project_id);
ALTER TABLE ONLY servers
    ADD CONSTRAINT uq_servers_pcode_region_name UNIQUE (pcode, region, name);
ALTER TABLE ONLY targets
    ADD CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port);
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name);
CREATE INDEX ix_audit_project_id_sequence ON audit USING btree (project_id, sequence);
CREATE INDEX ix_keys_pcode ON keys USING btree (pcode);
CREATE INDEX ix_layouts_pcode_place ON layouts USING btree (pcode, place);
CREATE INDEX ix_removed_servers_pcode_removed_ms ON removed_servers USING btree (pcode, removed_ms);
CREATE INDEX ix_targets_host_id ON targets USING btree (host_id);
ALTER TABLE ONLY host_agents
    ADD CONSTRAINT fk_host_agents_host_id_servers FOREIGN KEY (host_id) REFERENCES servers(host_id) ON DELETE CASCADE;
ALTER TABLE ONLY host_agents
    ADD CONSTRAINT fk_host_agents_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY keys
    ADD CONSTRAINT fk_keys_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY layouts
    ADD CONSTRAINT fk_layouts_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY removed_servers
    ADD CONSTRAINT fk_removed_servers_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY servers
    ADD CONSTRAINT fk_servers_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY target_states
    ADD CONSTRAINT fk_target_states_target_id_targets FOREIGN KEY (target_id) REFERENCES targets(target_id) ON DELETE CASCADE;
ALTER TABLE ONLY targets
    ADD CONSTRAINT fk_targets_host_id_servers FOREIGN KEY (host_id) REFERENCES servers(host_id) ON DELETE CASCADE;
ALTER TABLE ONLY targets
    ADD CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY (job_id) REFERENCES workspaces(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;

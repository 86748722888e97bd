BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	project_id VARCHAR(64), 
	detail JSON NOT NULL
, address VARCHAR(255));
INSERT INTO "audit" VALUES(1,1700000000000,'system','project.create','shop','shop','{"name": "\uc0c1\uc810", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(2,1700000000000,'system','key.create','e265aab4f4ba9e1d','shop','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(3,1700000000000,'system','key.create','6bef6013d06b5ab3','shop','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(4,1700000000000,'system','project.create','other','other','{"name": "other", "region": "jp"}',NULL);
INSERT INTO "audit" VALUES(5,1700000000000,'system','key.create','81fa4d3144b1d466','other','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(6,1700000000000,'system','key.create','5d8df4ae268ea099','other','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(7,1700000000000,'system','project.create','gone','gone','{"name": "gone", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(8,1700000000000,'system','key.create','6c83b50cd83703e6','gone','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(9,1700000000000,'system','key.create','137c665f3444cea5','gone','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(10,1700000000000,'system','project.delete','gone','gone','{"name": "gone"}',NULL);
INSERT INTO "audit" VALUES(11,1700000000000,'system','server.create','018bcfe5-6800-7d4b-8254-31d75a6da9d4','shop','{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(12,1700000000000,'system','workspace.create','018bcfe5-6800-7d4b-8254-31d8f77eb306','shop','{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}',NULL);
INSERT INTO "audit" VALUES(13,1700000000000,'system','target.create','018bcfe5-6800-7d4b-8254-31d9df0cd595','shop','{"hostId": "018bcfe5-6800-7d4b-8254-31d75a6da9d4", "port": 9100}',NULL);
INSERT INTO "audit" VALUES(14,1700000000000,'system','key.create','3c503f0d1999f270','shop','{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}',NULL);
INSERT INTO "audit" VALUES(15,1700000000000,'system','workspace.scrape','018bcfe5-6800-7d4b-8254-31d8f77eb306','shop','{"options": ["scrape_interval"]}',NULL);
INSERT INTO "audit" VALUES(16,1700000000000,'system','layout.create','018bcfe5-6800-7d4b-8254-31da370575b4','shop','{"name": "board", "place": "018bcfe5-6800-7d4b-8254-31d8f77eb306"}',NULL);
CREATE TABLE keys (
	key_id VARCHAR(64) NOT NULL, 
	pcode INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	secret_hash BLOB NOT NULL, 
	scopes VARCHAR(64) NOT NULL, 
	created_ms BIGINT NOT NULL, 
	expires_ms BIGINT, 
	last_used_ms BIGINT, 
	CONSTRAINT pk_keys PRIMARY KEY (key_id), 
	CONSTRAINT fk_keys_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "keys" VALUES('e265aab4f4ba9e1d',1,'appkey',X'9A2BD57F2FC27FD82A2523616617E316A1E83A6FF14DB2EB3CF236E4F186BDE8','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('6bef6013d06b5ab3',1,'token',X'9AE39C75DA8BE893D2B0F3CA84758B0889874D884B0C4BD4B01A4F7582D54898','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('81fa4d3144b1d466',2,'appkey',X'4205F637E6239C5B824880329C3948E97903A586492FA433B9806FF8C3A900C4','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('5d8df4ae268ea099',2,'token',X'A8A4DCBB8FDFF71BF32378E990AA424F78558CBE87E278AA9B28FE77C148BD11','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('3c503f0d1999f270',1,'ci',X'32A4EE171988952C6EB78F2A97283750133957F8C33F354DDF057E4FCB69FF96','write',1700000000000,1900000000000,NULL);
CREATE TABLE layouts (
	layout_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	place VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	document JSON NOT NULL, 
	version INTEGER NOT NULL, 
	modified_ms BIGINT NOT NULL, 
	CONSTRAINT pk_layouts PRIMARY KEY (layout_id), 
	CONSTRAINT fk_layouts_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "layouts" VALUES('018bcfe5-6800-7d4b-8254-31da370575b4',1,'018bcfe5-6800-7d4b-8254-31d8f77eb306','board','{"panels": []}',1,1700000000000);
CREATE TABLE projects (
	pcode INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	retention_ms BIGINT NOT NULL, 
	linux_workspace BOOLEAN NOT NULL, 
	limits JSON NOT NULL, 
	created_ms BIGINT NOT NULL, targets_revision BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT uq_projects_project_id UNIQUE (project_id)
);
INSERT INTO "projects" VALUES(1,'shop','상점','kr',2592000000,1,'{"max_keys": 7}',1700000000000,3);
INSERT INTO "projects" VALUES(2,'other','other','jp',1296000000,1,'{}',1700000000000,0);
CREATE TABLE servers (
	host_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	instance_id VARCHAR(255), 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_servers PRIMARY KEY (host_id), 
	CONSTRAINT uq_servers_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_servers_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "servers" VALUES('018bcfe5-6800-7d4b-8254-31d75a6da9d4',1,'kr','web-1','192.0.2.10','i-1',1700000000000);
CREATE TABLE target_states (
	target_id VARCHAR(36) NOT NULL, 
	result_code INTEGER NOT NULL, 
	reason VARCHAR(500), 
	since_ms BIGINT NOT NULL, 
	CONSTRAINT pk_target_states PRIMARY KEY (target_id), 
	CONSTRAINT fk_target_states_target_id_targets FOREIGN KEY(target_id) REFERENCES targets (target_id) ON DELETE CASCADE
);
CREATE TABLE targets (
	target_id VARCHAR(36) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	host_id VARCHAR(36) NOT NULL, 
	port INTEGER NOT NULL, 
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_targets PRIMARY KEY (target_id), 
	CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port), 
	CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY(job_id) REFERENCES workspaces (job_id) ON DELETE CASCADE, 
	CONSTRAINT fk_targets_host_id_servers FOREIGN KEY(host_id) REFERENCES servers (host_id) ON DELETE CASCADE
);
INSERT INTO "targets" VALUES('018bcfe5-6800-7d4b-8254-31d816368cff','018bcfe5-6800-7d4b-8254-31d588203f5f','018bcfe5-6800-7d4b-8254-31d75a6da9d4',9100,1700000000000,'');
INSERT INTO "targets" VALUES('018bcfe5-6800-7d4b-8254-31d9df0cd595','018bcfe5-6800-7d4b-8254-31d8f77eb306','018bcfe5-6800-7d4b-8254-31d75a6da9d4',9100,1700000000000,'');
CREATE TABLE workspaces (
	job_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	metrics_path VARCHAR(1024) NOT NULL, 
	description VARCHAR(4000), 
	reserved_code VARCHAR(64), 
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_workspaces PRIMARY KEY (job_id), 
	CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7d4b-8254-31d588203f5f',1,'kr','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7d4b-8254-31d667c02976',2,'jp','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-7d4b-8254-31d8f77eb306',1,'kr','app','/metrics?x=1',NULL,NULL,1700000000000,'{"scrape_interval": "30s"}');
CREATE INDEX ix_keys_pcode ON keys (pcode);
CREATE INDEX ix_targets_host_id ON targets (host_id);
CREATE INDEX ix_audit_project_id_sequence ON audit (project_id, sequence);
CREATE INDEX ix_layouts_pcode_place ON layouts (pcode, place);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('projects',3);
INSERT INTO "sqlite_sequence" VALUES('audit',16);
COMMIT;

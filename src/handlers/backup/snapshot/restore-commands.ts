/** The way to restore without faber-db, printed into every manifest. */
import type { BackupRecord, HostedSnapshotFacts } from '../../../contract/backup.js';

/** Shell commands that run as printed with AWS credentials; they restore beside the server and hold no secret. Settings of the server are the caller's to give. */
export function restoreCommands(format: BackupRecord['format'], { snapshot_id, source_id, region, engine }: HostedSnapshotFacts): string[] {
  const restored = `${source_id.slice(0, 54)}-restored`;
  if (format === 'rds-snapshot') {
    return [
      `aws rds restore-db-instance-from-db-snapshot --region ${region} --db-snapshot-identifier ${snapshot_id} --db-instance-identifier ${restored}`,
      `aws rds wait db-instance-available --region ${region} --db-instance-identifier ${restored}`,
    ];
  }
  return [
    `aws rds restore-db-cluster-from-snapshot --region ${region} --snapshot-identifier ${snapshot_id} --db-cluster-identifier ${restored} --engine ${engine}`,
    `aws rds create-db-instance --region ${region} --db-cluster-identifier ${restored} --db-instance-identifier ${restored.slice(0, 61)}-1 --engine ${engine} --db-instance-class db.r6g.large`,
    `aws rds wait db-instance-available --region ${region} --db-instance-identifier ${restored.slice(0, 61)}-1`,
  ];
}
